// Join joins a network of Headscale with a pre-authentication key, as a machine does
// that is set up, and leaves it at that. It exits with 3 when the key is refused.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"tailscale.com/control/controlclient"
	"tailscale.com/hostinfo"
	"tailscale.com/net/netmon"
	"tailscale.com/net/tsdial"
	"tailscale.com/types/key"
)

const refused = 3

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: join URL KEY")
		os.Exit(2)
	}
	machine, host := key.NewMachine(), hostinfo.New()
	host.BackendLogID = "none" // it must have one
	client, err := controlclient.NewDirect(controlclient.Options{
		ServerURL:            os.Args[1],
		AuthKey:              os.Args[2],
		Hostinfo:             host,
		DiscoPublicKey:       key.NewDisco().Public(),
		GetMachinePrivateKey: func() (key.MachinePrivate, error) { return machine, nil },
		Dialer:               tsdial.NewDialer(netmon.NewStatic()),
		Logf:                 func(string, ...any) {},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	page, err := client.TryLogin(ctx, controlclient.LoginDefault)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(refused)
	case page != "":
		fmt.Fprintln(os.Stderr, "a person has to sign in at", page)
		os.Exit(refused)
	}
}
