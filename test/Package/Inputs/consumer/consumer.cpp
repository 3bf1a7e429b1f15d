// Loads our dialects into a context of its own and prints a type.
#include "mlir/IR/MLIRContext.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/InitAll.h"

int main() {
  mlir::DialectRegistry registry;
  qllm::registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  llvm::outs() << qllm::onnx::SequenceType::get(&context, mlir::Float32Type::get(&context)) << "\n";
}
