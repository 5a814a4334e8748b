package daemon

import (
	"net"
	"testing"
)

// TestFreeAddresses: an address waits seconds for its server, so nothing else on
// the machine may be given it meanwhile.
func TestFreeAddresses(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		addresses, err := FreeAddresses(4)
		if err != nil || len(addresses) != 4 {
			t.Fatalf("%d addresses: %v", len(addresses), err)
		}
		for _, address := range addresses {
			if seen[address] {
				t.Errorf("%s is given twice", address)
			}
			seen[address] = true
			listener, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
		}
		other, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if port := other.Addr().(*net.TCPAddr).Port; port >= firstPort && port < endPort {
			t.Errorf("the system gives %d to who asks for any port, which is among those of servers", port)
		}
	}
}
