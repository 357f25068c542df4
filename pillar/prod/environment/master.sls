master:
  maps: [prod.map]
