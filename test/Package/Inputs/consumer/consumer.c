/* Asks the installed library for its versions. */
#include "qllm-c/Status.h"
#include <stdio.h>

int main(void) {
  printf("interface %d of qllm %s\n", qllmGetInterfaceVersion(), qllmGetVersion());
  return 0;
}
