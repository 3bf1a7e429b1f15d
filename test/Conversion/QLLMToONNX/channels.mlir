// RUN: qllm-opt --convert-qllm-to-onnx %s | FileCheck %s

// Every transform of channels becomes gathers and elementwise operators along the last axis.

module {
  // A split is exact when its parts are divided as the interpreter divides them.
  // CHECK-LABEL: func.func @split
  func.func @split(%x: tensor<?x?x3xf32>) -> tensor<?x?x5xf32> {
    // CHECK-DAG: %[[OWNERS:.*]] = onnx.Initializer "{{.*}}" = dense<[0, 1, 1, 1, 2]> : tensor<5xi64>
    // CHECK-DAG: %[[PARTS:.*]] = onnx.Initializer "{{.*}}" = dense<[1.000000e+00, 3.000000e+00, 3.000000e+00, 3.000000e+00, 1.000000e+00]>
    // CHECK: %[[COPIES:.*]] = onnx.Gather(%arg0, %[[OWNERS]]) {axis = 2 : i64{{.*}} -> tensor<?x?x5xf32>
    // CHECK: onnx.Div(%[[COPIES]], %[[PARTS]])
    // CHECK-NOT: = qllm
    %y = qllm.split_channels %x parts [1, 3, 1] : tensor<?x?x3xf32>
    onnx.Return %y : tensor<?x?x5xf32>
  }

  // A merge behind a split takes its copies along; two rounds, as no channel has three members.
  // CHECK-LABEL: func.func @split_and_merge
  func.func @split_and_merge(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
    // CHECK-DAG: %[[FIRST:.*]] = onnx.Initializer "{{.*}}" = dense<[0, 1, 1, 2]> : tensor<4xi64>
    // CHECK-DAG: %[[SECOND:.*]] = onnx.Initializer "{{.*}}" = dense<[0, 0, 0, 3]> : tensor<4xi64>
    // CHECK-DAG: %[[SHARES:.*]] = onnx.Initializer "{{.*}}" = dense<[1.000000e+00, 5.000000e-01, 5.000000e-01, 5.000000e-01]>
    // CHECK-DAG: %[[LAST:.*]] = onnx.Initializer "{{.*}}" = dense<[0.000000e+00, 0.000000e+00, 0.000000e+00, 5.000000e-01]>
    // CHECK: %[[A:.*]] = onnx.Gather(%arg0, %[[FIRST]])
    // CHECK: %[[B:.*]] = onnx.Mul(%[[A]], %[[SHARES]])
    // CHECK: %[[C:.*]] = onnx.Gather(%arg0, %[[SECOND]])
    // CHECK: %[[D:.*]] = onnx.Mul(%[[C]], %[[LAST]])
    // CHECK: %[[E:.*]] = onnx.Add(%[[B]], %[[D]])
    // CHECK-NEXT: onnx.Return %[[E]]
    %s = qllm.split_channels %x parts [1, 2, 1, 1] : tensor<?x4xf32>
    %y = qllm.merge_channels %s targets [0, 1, 2, 3, 3] : tensor<?x5xf32>
    onnx.Return %y : tensor<?x4xf32>
  }

  // A repeated column is no division, and a sum no share.
  // CHECK-LABEL: func.func @weight
  func.func @weight(%w: tensor<2x3xf32>) -> tensor<2x3xf32> {
    // CHECK: onnx.Gather(%arg0, %{{.*}}) {axis = 1
    // CHECK: %[[LEFT:.*]] = onnx.Gather(%arg0, %{{.*}}) {axis = 1
    // CHECK: onnx.Mul(%[[LEFT]], %{{.*}})
    // CHECK: onnx.Add
    %r = qllm.split_channels %w parts [2, 1, 1] repeat : tensor<2x3xf32>
    %y = qllm.merge_channels %r targets [0, 1, 2, 2] sum : tensor<2x4xf32>
    onnx.Return %y : tensor<2x3xf32>
  }

  // A split that someone else reads too keeps its nodes.
  // CHECK-LABEL: func.func @split_read_twice
  func.func @split_read_twice(%x: tensor<?x2xf32>) -> (tensor<?x3xf32>, tensor<?x2xf32>) {
    // CHECK: %[[COPIES:.*]] = onnx.Gather(%arg0
    // CHECK: %[[SPLIT:.*]] = onnx.Div(%[[COPIES]]
    // CHECK: onnx.Gather(%[[SPLIT]]
    %s = qllm.split_channels %x parts [2, 1] : tensor<?x2xf32>
    %y = qllm.merge_channels %s targets [0, 1, 1] : tensor<?x3xf32>
    onnx.Return %s, %y : tensor<?x3xf32>, tensor<?x2xf32>
  }

  // CHECK-LABEL: func.func @others
  func.func @others(%x: tensor<?x2xf32>, %v: tensor<2xf32>) -> tensor<?x2xf32> {
    // CHECK: %[[A:.*]] = onnx.Gather(%arg0, %{{.*}}) {axis = 1
    // CHECK: %[[B:.*]] = onnx.Mul(%[[A]], %arg1)
    // CHECK: %[[C:.*]] = onnx.Div(%[[B]], %arg1)
    // CHECK: %[[D:.*]] = onnx.Add(%[[C]], %arg1)
    // CHECK: onnx.Sub(%[[D]], %arg1)
    %0 = qllm.permute_channels %x order [1, 0] : tensor<?x2xf32>
    %1 = qllm.scale_channels %0 by %v : tensor<?x2xf32>, tensor<2xf32>
    %2 = qllm.scale_channels %1 by %v inverse : tensor<?x2xf32>, tensor<2xf32>
    %3 = qllm.shift_channels %2 by %v : tensor<?x2xf32>, tensor<2xf32>
    %4 = qllm.shift_channels %3 by %v inverse : tensor<?x2xf32>, tensor<2xf32>
    onnx.Return %4 : tensor<?x2xf32>
  }
}
