import { describe, expect, test } from 'vitest'
import { UsageError } from '../command.ts'
import { udpFilter, type UdpFilter, type UdpQuestion } from './filter.ts'

describe('what logd can be asked for', () => {
  test.each<[query: string, question: UdpQuestion, filter: UdpFilter]>([
    ['', 'tail', {}],
    [' * ', 'query', {}],
    ['timeout', 'query', { text: 'timeout' }],
    ['"connection reset"', 'tail', { text: 'connection reset' }],
    [String.raw`"a \"b\" c*"`, 'query', { text: 'a "b" c*' }],
    ['message:"a b"', 'query', { text: 'a b' }],
    ['service:/shop/*', 'tail', { keyPrefix: '/shop/' }],
    ['service:"/my shop/*"', 'tail', { keyPrefix: '/my shop/' }],
    ['service:*', 'tail', { keyPrefix: '' }],
    ['level:>=warn', 'tail', { level: 'warn' }],
    ['level:fatal', 'tail', { level: 'fatal' }],
    ['level:warn', 'query', { level: 'warn' }],
    ['level:>=fatal', 'query', { level: 'fatal' }],
    ['method:get url:/api/* status:500', 'query', { httpMethod: 'GET', url: '/api/', responseStatus: 500 }],
    [
      'http.request.method:PUT url.full:/a* http.response.status_code:201',
      'tail',
      { httpMethod: 'PUT', url: '/a', responseStatus: 201 },
    ],
    ['service:/a/* AND level:info  oops', 'query', { keyPrefix: '/a/', level: 'info', text: 'oops' }],
  ])('%s (%s)', (query, question, filter) => expect(udpFilter(query, question)).toEqual(filter))
})

describe('what it cannot', () => {
  test.each<[query: string, question: UdpQuestion, says: RegExp, hint?: string]>([
    ['service:/shop', 'tail', /begin with/, 'Such as service:/shop*'],
    ['service:*/shop', 'tail', /begin with/],
    ['url:>=/a*', 'tail', /begin with/],
    ['level:warn', 'tail', /lowest level/, 'Such as level:>=warn'],
    ['level:>=warn', 'query', /one level/, 'Such as level:warn'],
    ['level:notice', 'query', /trace, debug, info/],
    ['level:>warn', 'tail', /trace, debug, info/],
    ['status:500..599', 'query', /one number/],
    ['status:>=500', 'query', /one number/],
    ['method:BREW', 'query', /DELETE, GET/],
    ['host:web-1', 'query', /no field host/],
    ['sevrice:/a*', 'query', /did you mean service/i],
    ['-health', 'query', /OR nor NOT/],
    ['a OR b', 'query', /OR nor NOT/],
    ['NOT a', 'query', /OR nor NOT/],
    ['(a b)', 'query', /groups nor pipes/],
    ['* | stats count()', 'query', /groups nor pipes/],
    ['/took [0-9]+/', 'query', /regular expressions/],
    ['time*out', 'query', /wildcards/],
    ['one two', 'query', /one text only/],
    ['level:info level:warn', 'query', /one level only/],
    ['a "open', 'query', /left open/],
    ['service:"open', 'query', /left open/],
  ])('%s (%s)', (query, question, says, hint) => {
    expect(() => udpFilter(query, question)).toThrow(UsageError)
    expect(() => udpFilter(query, question)).toThrow(says)
    if (hint !== undefined) expect(() => udpFilter(query, question)).toThrow(expect.objectContaining({ hint }))
  })
})
