// A decoder layer with a cache: hidden states of 128, two heads of queries and one of keys and values, codes of eight bits, and of
// four behind the gate.

#int8 = #qllm.int<8>
#int4 = #qllm.int<4>
#uint4 = #qllm.int<4, asymmetric>
#fragments = #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>
#tokens = #qk.schedule<tile = [16, 64, 64], warps = [1, 4], stages = 4, max_rows = 16>
#prompt = #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>
#copied_tokens = #qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4, producers = 1, max_rows = 16>
#copied = #qk.schedule<tile = [32, 64, 128], warps = [1, 4], stages = 4, cluster = 2, producers = 1>
#packed = #qk.schedule<tile = [32, 64, 128], warps = [2, 2], stages = 3>

func.func @layer(%x: tensor<?x128xf32> {onnx.name = "x"}, %cache: tensor<?x1x5120xi8> {onnx.name = "cache"},
                 %positions: tensor<?xi32> {onnx.name = "positions"}, %pages: tensor<?xi32> {onnx.name = "pages"},
                 %cos: tensor<128x32xf32> {onnx.name = "cos"}, %sin: tensor<128x32xf32> {onnx.name = "sin"},
                 %norm: tensor<128xf32> {onnx.name = "norm"}, %post_norm: tensor<128xf32> {onnx.name = "post_norm"},
                 %wq: tensor<8x2x512xi8> {onnx.name = "wq"}, %sq: tensor<128xf32> {onnx.name = "sq"},
                 %wk: tensor<4x2x512xi8> {onnx.name = "wk"}, %sk: tensor<64xf32> {onnx.name = "sk"},
                 %wv: tensor<4x2x512xi8> {onnx.name = "wv"}, %sv: tensor<64xf32> {onnx.name = "sv"},
                 %wo: tensor<8x2x512xi8> {onnx.name = "wo"}, %so: tensor<128xf32> {onnx.name = "so"},
                 %wg: tensor<16x2x512xi8> {onnx.name = "wg"}, %sg: tensor<256xf32> {onnx.name = "sg"},
                 %wu: tensor<16x2x512xi8> {onnx.name = "wu"}, %su: tensor<256xf32> {onnx.name = "su"},
                 %wd: tensor<128x256xi4> {onnx.name = "wd"}, %sd: tensor<128xf32> {onnx.name = "sd"})
    -> (tensor<?x128xf32> {onnx.name = "hidden"}, tensor<?x1x5120xi8> {onnx.name = "cache.out"}) {
  %a, %sa = qk.quantize %x norm rms(%norm) epsilon 1.0e-5 format(#int8)
      : (tensor<?x128xf32>, tensor<128xf32>) -> tensor<?x128xi8>, tensor<?xf32>
  %q = qk.linear %a, %wq scales(%sa, %sq) formats(#int8, #int4) schedule({sm_80 = [#tokens, #prompt], sm_90a = [#copied_tokens, #copied]}) layout(#fragments)
      : (tensor<?x128xi8>, tensor<8x2x512xi8>, tensor<?xf32>, tensor<128xf32>) -> tensor<?x128xf32>
  %k = qk.linear %a, %wk scales(%sa, %sk) formats(#int8, #int4) schedule(#prompt) layout(#fragments)
      : (tensor<?x128xi8>, tensor<4x2x512xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %v = qk.linear %a, %wv scales(%sa, %sv) formats(#int8, #int4) schedule(#prompt) layout(#fragments)
      : (tensor<?x128xi8>, tensor<4x2x512xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %all = qk.append_kv %k, %v into(%cache) at(%positions, %pages) rotary(%cos, %sin) formats(#uint4, #uint4) page_tokens 64
      : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x1x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<128x32xf32>, tensor<128x32xf32>)
      -> tensor<?x1x5120xi8>
  %sums, %statistics = qk.attention %q over(%all) at(%positions, %pages) rotary(%cos, %sin) heads 2 formats(#uint4, #uint4)
      page_tokens 64 scale 0.125 warps 1 splits 2
      : (tensor<?x128xf32>, tensor<?x1x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<128x32xf32>, tensor<128x32xf32>)
      -> (tensor<2x?x128xf32>, tensor<2x?x4xf32>)
  %o = qk.combine_attention %sums, %statistics : (tensor<2x?x128xf32>, tensor<2x?x4xf32>) -> tensor<?x128xf32>
  %b, %sb = qk.quantize %o format(#int8) : (tensor<?x128xf32>) -> tensor<?x128xi8>, tensor<?xf32>
  %h = qk.linear %b, %wo scales(%sb, %so) residual(%x) formats(#int8, #int4) schedule(#prompt) layout(#fragments)
      : (tensor<?x128xi8>, tensor<8x2x512xi8>, tensor<?xf32>, tensor<128xf32>, tensor<?x128xf32>) -> tensor<?x128xf32>
  %c, %sc = qk.quantize %h norm rms(%post_norm) epsilon 1.0e-5 format(#int8)
      : (tensor<?x128xf32>, tensor<128xf32>) -> tensor<?x128xi8>, tensor<?xf32>
  %g = qk.linear %c, %wg scales(%sc, %sg) formats(#int8, #int4) schedule(#prompt) layout(#fragments)
      : (tensor<?x128xi8>, tensor<16x2x512xi8>, tensor<?xf32>, tensor<256xf32>) -> tensor<?x256xf32>
  %u = qk.linear %c, %wu scales(%sc, %su) formats(#int8, #int4) schedule(#prompt) layout(#fragments)
      : (tensor<?x128xi8>, tensor<16x2x512xi8>, tensor<?xf32>, tensor<256xf32>) -> tensor<?x256xf32>
  %d, %sdd = qk.quantize %u gate(%g) format(#int4) : (tensor<?x256xf32>, tensor<?x256xf32>) -> tensor<?x256xi4>, tensor<?xf32>
  %y = qk.linear %d, %wd scales(%sdd, %sd) residual(%h) formats(#int4, #int4) schedule(#packed)
      : (tensor<?x256xi4>, tensor<128x256xi4>, tensor<?xf32>, tensor<128xf32>, tensor<?x128xf32>) -> tensor<?x128xf32>
  return %y, %all : tensor<?x128xf32>, tensor<?x1x5120xi8>
}
