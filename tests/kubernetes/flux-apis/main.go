// Command flux-apis reads a CRD as YAML from its input and writes it as JSON with sorted keys.
//
// The blank imports name the packages that `../crds` makes CRDs of, so that go.mod and go.sum cover them.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"os"

	"sigs.k8s.io/yaml"

	_ "github.com/fluxcd/helm-controller/api/v2"
	_ "github.com/fluxcd/image-automation-controller/api/v1"
	_ "github.com/fluxcd/image-reflector-controller/api/v1"
	_ "github.com/fluxcd/kustomize-controller/api/v1"
	_ "github.com/fluxcd/notification-controller/api/v1"
	_ "github.com/fluxcd/notification-controller/api/v1beta3"
	_ "github.com/fluxcd/source-controller/api/v1"
	_ "github.com/fluxcd/source-watcher/api/v2/v1beta1"
)

func main() {
	log.SetFlags(0)
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatalf("cannot read the CRD: %v", err)
	}
	compact, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		log.Fatalf("cannot convert the CRD: %v", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", " "); err != nil {
		log.Fatalf("cannot indent the CRD: %v", err)
	}
	indented.WriteByte('\n')
	if _, err := indented.WriteTo(os.Stdout); err != nil {
		log.Fatalf("cannot write the CRD: %v", err)
	}
}
