struct offer {
  int percent;
  long until;
};
extern struct offer best;
int discount(int n);
