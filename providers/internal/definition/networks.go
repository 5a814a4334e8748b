package definition

import (
	"fmt"
	"net/netip"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Networks say which networks the provider can bind a key to (KeyRequest.CIDRs). The
// zero value has no bound.
type Networks struct {
	// MaxItems is how many networks one key may have; 0 stands for any number.
	MaxItems int `json:"max_items,omitempty"`
	// Single means addresses alone: 10.1.2.3/32, and no 10.0.0.0/8.
	Single bool `json:"single,omitempty"`
	// IPv4Only means that addresses of IPv6 are refused.
	IPv4Only bool `json:"ipv4_only,omitempty"`
}

// readNetworks reads
//
//	cidrs {
//	  max_items = 20
//	  single    = true
//	  ipv6      = false
//	}
func (p *parser) readNetworks(block *hclsyntax.Block) {
	if block == nil {
		return
	}
	r := p.open(block.Body, "cidrs", []string{"max_items", "single", "ipv6"}, nil)
	p.def.Networks = Networks{
		MaxItems: r.literalInt("max_items"),
		Single:   r.literalBool("single"),
		IPv4Only: r.attribute("ipv6") != nil && !r.literalBool("ipv6"),
	}
	if p.def.Networks.MaxItems < 0 {
		p.add(block.DefRange(), "bad cidrs", "max_items must be more than 0: leave it out where there is no bound.")
	}
}

// Check says why a key cannot be bound to these networks, as a part of a sentence that
// follows the provider's name.
func (n Networks) Check(cidrs []string) error {
	if n.MaxItems > 0 && len(cidrs) > n.MaxItems {
		return fmt.Errorf("binds a key to at most %d networks, and these are %d: give fewer", n.MaxItems, len(cidrs))
	}
	for _, cidr := range cidrs {
		network, err := netip.ParsePrefix(cidr)
		if err != nil {
			return fmt.Errorf("cannot bind a key to %q: write a network, such as 10.1.2.3/32", cidr)
		}
		switch {
		case n.IPv4Only && network.Addr().Is6():
			return fmt.Errorf("binds keys to IPv4 alone, and %s is IPv6: give an address of IPv4", cidr)
		case n.Single && !network.IsSingleIP():
			return fmt.Errorf("binds keys to single addresses alone, and %s is a network: give each address, such as %s/%d", cidr, network.Addr(), network.Addr().BitLen())
		}
	}
	return nil
}
