// Package rabbitmq runs a real RabbitMQ with its management API on loopback.
// What keys do there is asked in test/acceptance, not here.
package rabbitmq
