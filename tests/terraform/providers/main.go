// A stand-in for the provider selectel/selectel: it serves that provider's schema and nothing else.
//
// Selectel's own Go modules are not published where Go's proxy finds them, so that the provider cannot be built here. What it
// reported of itself (`terraform providers schema -json`, version 8.3.1) stands in selectel-8.3.1.json, reduced to what our
// modules use. With it `terraform validate` checks names, types and required arguments, and `terraform test` mocks the rest.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"sort"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

//go:embed selectel-8.3.1.json
var reported []byte

type attribute struct {
	Type                                    json.RawMessage
	Required, Optional, Computed, Sensitive bool
}

type block struct {
	Attributes map[string]attribute
	Blocks     map[string]struct {
		NestingMode string `json:"nesting_mode"`
		MinItems    int64  `json:"min_items"`
		MaxItems    int64  `json:"max_items"`
		Block       block
	}
}

type provider struct {
	// Everything that a schema does not need is left out: to call it would be a mistake of a test, and ends this program.
	tfprotov5.ProviderServer
	Provider    block
	Resources   map[string]block
	DataSources map[string]block `json:"data_sources"`
}

var nesting = map[string]tfprotov5.SchemaNestedBlockNestingMode{
	"list":   tfprotov5.SchemaNestedBlockNestingModeList,
	"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
	"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
}

func keys[V any](of map[string]V) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (b block) schema() *tfprotov5.SchemaBlock {
	schema := &tfprotov5.SchemaBlock{}
	for _, name := range keys(b.Attributes) {
		a := b.Attributes[name]
		kind, err := tftypes.ParseJSONType(a.Type) //nolint:staticcheck // The only reader of this notation.
		if err != nil {
			panic(fmt.Sprintf("the type of %s: %v", name, err))
		}
		schema.Attributes = append(schema.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: kind, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Sensitive: a.Sensitive,
		})
	}
	for _, name := range keys(b.Blocks) {
		n := b.Blocks[name]
		schema.BlockTypes = append(schema.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Nesting: nesting[n.NestingMode], MinItems: n.MinItems, MaxItems: n.MaxItems, Block: n.Block.schema(),
		})
	}
	return schema
}

func schemas(of map[string]block) map[string]*tfprotov5.Schema {
	all := make(map[string]*tfprotov5.Schema, len(of))
	for name, b := range of {
		all[name] = &tfprotov5.Schema{Block: b.schema()}
	}
	return all
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		Provider:          &tfprotov5.Schema{Block: p.Provider.schema()},
		ResourceSchemas:   schemas(p.Resources),
		DataSourceSchemas: schemas(p.DataSources),
	}, nil
}

func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	return &tfprotov5.GetMetadataResponse{}, nil
}

func (p *provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (p *provider) PrepareProviderConfig(_ context.Context, r *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (p *provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (p *provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (p *provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func main() {
	p := &provider{}
	if err := json.Unmarshal(reported, p); err != nil {
		fmt.Fprintln(os.Stderr, "the schema cannot be read:", err)
		os.Exit(1)
	}
	if err := tf5server.Serve("selectel/selectel", func() tfprotov5.ProviderServer { return p }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
