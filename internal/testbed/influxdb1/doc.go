// Package influxdb1 runs a real InfluxDB 1 on loopback that wants to know its users.
// What keys do there is asked in test/acceptance, not here.
package influxdb1
