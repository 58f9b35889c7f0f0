import { expect, test } from 'vitest'
import { isLoopback } from './loopback.ts'

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.256', false],
  ['127.1', false],
  ['[::1]', true],
  ['127.0.0.1.example.com', false],
  ['192.168.1.2', false],
])('%s is %s', (host, expected) => expect(isLoopback(host)).toBe(expected))
