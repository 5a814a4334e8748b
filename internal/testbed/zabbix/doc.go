// Package zabbix runs the frontend of a real Zabbix, which is its API, on loopback, on
// a database that package postgres runs. It watches nothing. What keys do there is
// asked in test/acceptance, not here.
package zabbix
