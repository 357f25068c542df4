# A zone's loss leaves the other its way out.
aws:
  subnets:
    private-b: {nat: public-b}
