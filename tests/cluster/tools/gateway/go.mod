module cluster-tools/gateway

go 1.26.0

// Not built: its definitions are installed. A module of its own, so that its requirements do not change the programs.
require sigs.k8s.io/gateway-api v1.5.1
