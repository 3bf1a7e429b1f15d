// Arithmetic of single threads: what LLVM for the host would round differently, or does not have.

// RUN: rm -rf %t && split-file %s %t
// RUN: qllm-emu %t/kernel.mlir --launch=%t/launch.json && od -An -v -tx4 -w4 %t/out.bin | FileCheck %s

//--- launch.json
{"kernel": "values", "block": [1], "arguments": [{"name": "OUT", "type": "i32", "shape": [12], "output": "out.bin"}, {"value": 1.5}]}

//--- kernel.mlir
gpu.module @kernels {
  llvm.func @put(%out: !llvm.ptr<1>, %index: i32, %value: i32) {
    %place = llvm.getelementptr %out[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %value, %place : i32, !llvm.ptr<1>
    llvm.return
  }

  llvm.func @values(%out: !llvm.ptr<1>, %x: f32) attributes {nvvm.kernel} {
    %i0 = llvm.mlir.constant(0 : i32) : i32
    %i1 = llvm.mlir.constant(1 : i32) : i32
    %i2 = llvm.mlir.constant(2 : i32) : i32
    %i3 = llvm.mlir.constant(3 : i32) : i32
    %i4 = llvm.mlir.constant(4 : i32) : i32
    %i5 = llvm.mlir.constant(5 : i32) : i32
    %i6 = llvm.mlir.constant(6 : i32) : i32
    %i7 = llvm.mlir.constant(7 : i32) : i32
    %i8 = llvm.mlir.constant(8 : i32) : i32
    %i9 = llvm.mlir.constant(9 : i32) : i32
    %i10 = llvm.mlir.constant(10 : i32) : i32
    %i11 = llvm.mlir.constant(11 : i32) : i32

    // Byte 3 of the second word, then the sign of byte 0, byte 1 and byte 2 of the first.
    // CHECK: 21ffff82
    %lo = llvm.mlir.constant(0xFF82FF80 : i32) : i32
    %hi = llvm.mlir.constant(0x21222324 : i32) : i32
    %selector = llvm.mlir.constant(0x7812 : i32) : i32
    %permuted = nvvm.prmt #nvvm.permute_mode<default> %selector, %lo, %hi : i32
    llvm.call @put(%out, %i0, %permuted) : (!llvm.ptr<1>, i32, i32) -> ()

    // 1 * -1 + 2 * 2 + -3 * 3 + 4 * 4 + 100
    // CHECK-NEXT: 0000006e
    %bytes = llvm.mlir.constant(dense<[1, 2, -3, 4]> : vector<4xi8>) : vector<4xi8>
    %others = llvm.mlir.constant(dense<[-1, 2, 3, 4]> : vector<4xi8>) : vector<4xi8>
    %hundred = llvm.mlir.constant(100 : i32) : i32
    %dot = nvvm.dot.accumulate.4way %bytes <signed>, %others <signed>, %hundred : vector<4xi8>, vector<4xi8>
    llvm.call @put(%out, %i1, %dot) : (!llvm.ptr<1>, i32, i32) -> ()

    // The larger of both in the high half: 1.5 and 3 as e4m3.
    // CHECK-NEXT: 00003c44
    %three = llvm.mlir.constant(3.0 : f32) : f32
    %eight_bits = nvvm.convert.f32x2.to.f8x2 %x, %three {rnd = #nvvm.fp_rnd_mode<rn>, sat = #nvvm.sat_mode<satfinite>} : i16 (f8E4M3FN)
    %eight_wide = llvm.zext %eight_bits : i16 to i32
    llvm.call @put(%out, %i2, %eight_wide) : (!llvm.ptr<1>, i32, i32) -> ()

    // 1.5 and 3 as e2m1.
    // CHECK-NEXT: 00000035
    %four_bits = nvvm.convert.f32x2.to.f4x2 %x, %three : i8 (f4E2M1FN)
    %four_wide = llvm.zext %four_bits : i8 to i32
    llvm.call @put(%out, %i3, %four_wide) : (!llvm.ptr<1>, i32, i32) -> ()

    // ... and back, as f16: low half first.
    // CHECK-NEXT: 3e004200
    %halves = nvvm.convert.f4x2.to.f16x2 %four_bits : i8 (f4E2M1FN) -> vector<2xf16>
    %halves_bits = llvm.bitcast %halves : vector<2xf16> to i32
    llvm.call @put(%out, %i4, %halves_bits) : (!llvm.ptr<1>, i32, i32) -> ()

    // (1 + 2^-10) (1 - 2^-10) + 2050 in f16: 2050 when rounded once, 2052 when first to f32.
    // CHECK-NEXT: 68016801
    %above = llvm.mlir.constant(dense<0x3C01> : vector<2xf16>) : vector<2xf16>
    %below = llvm.mlir.constant(dense<0x3BFE> : vector<2xf16>) : vector<2xf16>
    %addend = llvm.mlir.constant(dense<2050.0> : vector<2xf16>) : vector<2xf16>
    %fused = llvm.intr.fma(%above, %below, %addend) : (vector<2xf16>, vector<2xf16>, vector<2xf16>) -> vector<2xf16>
    %fused_bits = llvm.bitcast %fused : vector<2xf16> to i32
    llvm.call @put(%out, %i5, %fused_bits) : (!llvm.ptr<1>, i32, i32) -> ()

    // 300 and -5 saturated to eight bits, above them the low half of 0x1234.
    // CHECK-NEXT: 12347ffb
    %large = llvm.mlir.constant(300 : i32) : i32
    %negative = llvm.mlir.constant(-5 : i32) : i32
    %rest = llvm.mlir.constant(0x1234 : i32) : i32
    %packed = llvm.inline_asm "cvt.pack.sat.s8.s32.b32 $0, $1, $2, $3;", "=r,r,r,r" %large, %negative, %rest : (i32, i32, i32) -> i32
    llvm.call @put(%out, %i6, %packed) : (!llvm.ptr<1>, i32, i32) -> ()

    // 2^1.5
    // CHECK-NEXT: 403504f3
    %power = llvm.call_intrinsic "llvm.nvvm.ex2.approx.f"(%x) : (f32) -> f32
    %power_bits = llvm.bitcast %power : f32 to i32
    llvm.call @put(%out, %i7, %power_bits) : (!llvm.ptr<1>, i32, i32) -> ()

    // The powers of two at or above 1.5 and the magnitude of -3, 2 and 4; then at or below.
    // CHECK-NEXT: 00008081
    // CHECK-NEXT: 00007f80
    %minus_three = llvm.mlir.constant(-3.0 : f32) : f32
    %above_powers = nvvm.convert.f32x2.to.f8x2 %x, %minus_three {rnd = #nvvm.fp_rnd_mode<rp>, sat = #nvvm.sat_mode<satfinite>} : i16 (f8E8M0FNU)
    %above_wide = llvm.zext %above_powers : i16 to i32
    llvm.call @put(%out, %i8, %above_wide) : (!llvm.ptr<1>, i32, i32) -> ()
    %below_powers = nvvm.convert.f32x2.to.f8x2 %x, %minus_three {rnd = #nvvm.fp_rnd_mode<rz>, sat = #nvvm.sat_mode<satfinite>} : i16 (f8E8M0FNU)
    %below_wide = llvm.zext %below_powers : i16 to i32
    llvm.call @put(%out, %i9, %below_wide) : (!llvm.ptr<1>, i32, i32) -> ()

    // ... and 2^-127, which bf16 has as a subnormal, and the one NaN of a machine.
    // CHECK-NEXT: 7fff0040
    %codes = llvm.mlir.constant(dense<[0, -1]> : vector<2xi8>) : vector<2xi8>
    %powers = nvvm.convert.f8x2.to.bf16x2 %codes : vector<2xi8> (f8E8M0FNU) -> vector<2xbf16>
    %powers_bits = llvm.bitcast %powers : vector<2xbf16> to i32
    llvm.call @put(%out, %i10, %powers_bits) : (!llvm.ptr<1>, i32, i32) -> ()

    // 3 and 1.5 in f16, the first in the low half, as e4m3.
    // CHECK-NEXT: 00003c44
    %pair = llvm.mlir.constant(dense<[3.0, 1.5]> : vector<2xf16>) : vector<2xf16>
    %pair_codes = nvvm.convert.f16x2.to.f8x2 %pair : vector<2xf16> -> i16 (f8E4M3FN)
    %pair_wide = llvm.zext %pair_codes : i16 to i32
    llvm.call @put(%out, %i11, %pair_wide) : (!llvm.ptr<1>, i32, i32) -> ()
    llvm.return
  }
}
