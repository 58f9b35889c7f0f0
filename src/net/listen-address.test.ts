import { expect, test } from 'vitest'
import { formatHostPort, parseListenAddress, type ListenAddress } from './listen-address.ts'

test.each<[string, ListenAddress | undefined]>([
  ['udp://127.0.0.1:6102', { protocol: 'udp', host: '127.0.0.1', port: 6102 }],
  ['udp://[::1]:0', { protocol: 'udp', host: '::1', port: 0 }],
  ['tcp://localhost:24224', { protocol: 'tcp', host: 'localhost', port: 24224 }],
  ['tls://[::]:1', { protocol: 'tls', host: '::', port: 1 }],
  ['unix:///run/tailrace.sock', { protocol: 'unix', path: '/run/tailrace.sock' }],
  ['udp://0.0.0.0:65535', { protocol: 'udp', host: '0.0.0.0', port: 65_535 }],
  ['udp://0.0.0.0:65536', undefined],
  ['udp://0.0.0.0', undefined],
  ['udp://::1:5', undefined],
  ['udp://[x]:5', undefined],
  ['127.0.0.1:6102', undefined],
  ['http://127.0.0.1:6102', undefined],
  ['udp://127.0.0.1:6102/', undefined],
  ['udp://a b:1', undefined],
  ['unix://run/x', undefined],
  ['off', undefined],
  ['', undefined],
])('%s', (text, expected) => expect(parseListenAddress(text)).toEqual(expected))

test('shown', () => {
  expect(formatHostPort('127.0.0.1', 1)).toBe('127.0.0.1:1')
  expect(formatHostPort('::1', 1)).toBe('[::1]:1')
})
