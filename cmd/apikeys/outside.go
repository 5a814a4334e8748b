package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers"
)

var methods = []string{"get", "post", "put", "patch", "delete"}

// asking is the definition with a probe that makes another request, such as "POST
// /v1/keys", shown the key in the way that its own probe is. It is alive if that was
// done, and dead if it was refused.
func asking(d *providers.Definition, request string) (*providers.Definition, error) {
	method, path, ok := strings.Cut(strings.TrimSpace(request), " ")
	method = strings.ToLower(method)
	if !ok || !slices.Contains(methods, method) || !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%q is no request: write method and path, such as \"POST /v1/keys\"", request)
	}
	file, found := hclwrite.ParseConfig([]byte(d.Source()), d.Name+".hcl", hcl.InitialPos)
	if found.HasErrors() {
		return nil, found
	}
	probe := file.Body().Blocks()[0].Body().FirstMatchingBlock("probe", nil).Body()
	for name := range probe.Attributes() {
		if name != "headers" && name != "credential" {
			probe.RemoveAttribute(name)
		}
	}
	probe.SetAttributeValue(method, cty.StringVal(path))
	probe.SetAttributeRaw("alive", hclwrite.Tokens{{Type: hclsyntax.TokenIdent, Bytes: []byte("status < 300")}})
	probe.SetAttributeRaw("dead", hclwrite.Tokens{{Type: hclsyntax.TokenIdent, Bytes: []byte("[401, 403, 404]")}})
	return providers.Parse(d.Name+".hcl", file.Bytes())
}

// isRefusedOutside sees that the key cannot do what its scope does not hold.
func (l *life) isRefusedOutside(ctx context.Context) error {
	for _, request := range l.command.OutsideScope {
		if !l.definition.Capabilities.Probe {
			l.note("the definition has no probe, which tells how a key is shown, so %s was not tried", request)
			continue
		}
		definition, err := asking(l.definition, request)
		if err != nil {
			return err
		}
		client, err := l.clientOf(definition)
		if err != nil {
			return err
		}
		got, err := client.Probe(ctx, l.secret)
		client.Close()
		switch {
		case err != nil:
			l.note("%s was not answered: %s", request, err)
		case got == providers.Alive:
			l.wrong("used it outside its scope: %s was DONE, so the role narrows nothing, or not enough", request)
		case got == providers.Dead:
			l.ok("used it outside its scope: %s is refused", request)
		default:
			l.note("used it outside its scope: %s was neither done nor refused; try another request", request)
		}
	}
	return nil
}
