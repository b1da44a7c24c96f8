/* Replacements that reach into the program, exported or not, and into the C library (strlen, an indirect function there). */
#include <string.h>

extern int calls;
extern const char *label;
void wait_at_gate(void);

int one_fixed(int wait) {
  if (wait) wait_at_gate();
  calls++;
  return (int)strlen(label);
}

int two_fixed(void) {
  calls++;
  return 2 * (int)strlen(label);
}
