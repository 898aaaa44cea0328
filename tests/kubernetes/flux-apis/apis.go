// Package apis names the packages that `../crds` reads, so that go.mod and go.sum cover them.
package apis

import (
	_ "github.com/fluxcd/kustomize-controller/api/v1"
	_ "github.com/fluxcd/source-controller/api/v1"
)
