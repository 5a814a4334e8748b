// Package icinga2 runs a real Icinga 2 on loopback that serves its API and watches
// nothing. What keys do there is asked in test/acceptance, not here.
package icinga2
