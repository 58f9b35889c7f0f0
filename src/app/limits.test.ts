import { expect, test } from 'vitest'
import { DEFAULT_API_LIMITS } from '../api/context.ts'
import { HTTP_SERVER_LIMITS } from '../net/http-limits.ts'
import { loadConfig } from './config.ts'
import { apiLimits, httpLimits } from './limits.ts'

const limitsOf = (flags: Record<string, string>) => httpLimits(loadConfig({ flags, env: {}, cwd: '/' }))

test('the limits of HTTP are those that the settings say', () => {
  const flags = {
    'http-connections-max': '101',
    'http-headers-timeout': '1002ms',
    'http-header-bytes-max': '1103',
    'http-body-bytes-max': '1104',
    'http-body-idle-timeout': '1005ms',
    'http-answer-idle-timeout': '1006ms',
    'http-keep-alive-timeout': '1007ms',
    'http-requests-per-second-per-key-max': '108',
    'http-requests-per-second-per-address-max': '109',
    'access-failures-per-minute-max': '110',
    'access-signed-body-bytes-max': '111',
    'access-signed-bytes-max': '112',
  }
  expect(limitsOf(flags)).toEqual({
    connectionsMax: 101,
    headersMs: 1002,
    headerBytesMax: 1103,
    bodyBytesMax: 1104,
    bodyIdleMs: 1005,
    answerIdleMs: 1006,
    keepAliveMs: 1007,
    requestsPerSecondPerKeyMax: 108,
    requestsPerSecondPerAddressMax: 109,
    failuresPerMinuteMax: 110,
    signedBodyBytesMax: 111,
    signedBytesMax: 112,
  })
})

test('a server without settings has the limits that they have by default', () => {
  expect({ ...HTTP_SERVER_LIMITS, ...limitsOf({}) }).toEqual(HTTP_SERVER_LIMITS)
})

test('bodies of the API have the limit of the setting', () => {
  const config = loadConfig({ flags: { 'http-body-bytes-max': '2048' }, env: {}, cwd: '/' })
  expect(apiLimits(config)).toMatchObject({ bodyBytesMax: 2048 })
  const { bodyBytesMax } = DEFAULT_API_LIMITS
  expect(apiLimits(loadConfig({ env: {}, cwd: '/' }))).toMatchObject({ bodyBytesMax })
})
