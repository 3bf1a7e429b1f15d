#include "LowerQuantize.h"
qllm::QuantizedRows qllm::lowerQuantize(QuantizeOp, bool) { return {}; }
