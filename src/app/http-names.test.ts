import { describe, expect, test } from 'vitest'
import { loadConfig } from './config.ts'
import { httpNames } from './http-names.ts'

const namesOf = (flags: Record<string, string>) => httpNames(loadConfig({ flags, env: {}, cwd: '/' }))

describe('names in settings', () => {
  test('none unless given', () => {
    expect(namesOf({})).toEqual({ names: { hosts: [], corsOrigins: [] }, trustedProxies: [] })
  })

  test('several, with commas', () => {
    const flags = {
      'http-hosts': 'logs.example.org, logs',
      'http-cors-origins': 'https://a.example.org,http://localhost:3000,',
      'http-trusted-proxies': '10.0.0.0/8, ::1, fd00::/8,127.0.0.1',
    }
    expect(namesOf(flags)).toEqual({
      names: { hosts: ['logs.example.org', 'logs'], corsOrigins: ['https://a.example.org', 'http://localhost:3000'] },
      trustedProxies: ['10.0.0.0/8', '::1', 'fd00::/8', '127.0.0.1'],
    })
    expect(namesOf({ 'http-cors-origins': '*' }).names.corsOrigins).toEqual(['*'])
  })

  test.each([
    ['http-hosts', 'logs.example.org:7575'],
    ['http-hosts', 'https://logs.example.org'],
    ['http-cors-origins', 'example.org'],
    ['http-cors-origins', 'https://example.org/'],
    ['http-cors-origins', 'https://example.org:443'],
    ['http-cors-origins', 'HTTPS://example.org'],
    ['http-cors-origins', 'null'],
    ['http-cors-origins', 'https://*.example.org'],
    ['http-trusted-proxies', 'proxy'],
    ['http-trusted-proxies', '10.0.0.0/33'],
    ['http-trusted-proxies', '10.0.0.0/8/8'],
    ['http-trusted-proxies', '10.0.0.0/'],
    ['http-trusted-proxies', '300.0.0.1'],
  ])('--%s %s is refused', (flag, value) => {
    expect(() => namesOf({ [flag]: value })).toThrow(value)
  })
})
