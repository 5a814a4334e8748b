// With-consul is Vault's server with Vault's own Consul secrets engine, which the build tag
// minimal leaves out: what the engine is measured beside. A Vault with all of its engines
// takes much longer to build.
package main

import (
	"os"
	"reflect"
	"unsafe"

	"github.com/hashicorp/vault/builtin/logical/consul"
	"github.com/hashicorp/vault/command"
	"github.com/hashicorp/vault/helper/builtinplugins"
	"github.com/hashicorp/vault/sdk/logical"
)

func main() {
	register("consul", consul.Factory)
	os.Exit(command.Run(os.Args[1:]))
}

// register adds a secrets engine to those that Vault is built with, whose list is not
// exported. It panics where a version of Vault keeps them otherwise.
func register(name string, factory logical.Factory) {
	field := reflect.ValueOf(builtinplugins.Registry).Elem().FieldByName("logicalBackends")
	engines := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
	engine := reflect.New(engines.Type().Elem()).Elem()
	engine.FieldByName("Factory").Set(reflect.ValueOf(factory))
	engines.SetMapIndex(reflect.ValueOf(name), engine)
}
