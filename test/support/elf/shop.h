struct offer {
  int percent;
  long until;
};
extern struct offer best;
int discount(int n);
#ifdef TAX /* in the header, so that each file may inline it */
inline int tax(int n) { return n * n / TAX + n; }
#endif
