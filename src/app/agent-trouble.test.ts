import { expect, test } from 'vitest'
import { Troubles } from './agent-trouble.ts'

const A = 'http://a'
const MINUTE_MS = 60_000

const explain = (error: unknown) => ({ reason: String(error), hint: error === 'full' ? undefined : 'Look there.' })

test('what goes wrong is said once, when it changes, now and then while it lasts, and when it is over', () => {
  let nowMs = Date.UTC(2026, 10, 21, 12)
  const said: string[] = []
  const say = (level: string) => (fields: object, text: string) =>
    void said.push(`${level} ${text} ${JSON.stringify(fields)}`)
  const logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  const troubles = new Troubles(logger, explain, () => nowMs)
  const fails = (error: string, count: number): void => {
    for (let attempt = 0; attempt < count; attempt++) {
      troubles.failing(A, error)
      nowMs += MINUTE_MS
    }
  }
  troubles.over(A)
  fails('away', 12)
  fails('full', 2)
  const [status] = troubles.statusOf([{ url: A, isCurrent: true, trouble: 'full' }])
  expect(status).toEqual({
    url: A,
    isCurrent: true,
    trouble: { reason: 'full', hint: undefined, since: '2026-11-21T12:00:00.000Z' },
  })
  troubles.over(A)
  troubles.moved(A, 'http://b')
  expect(said).toEqual([
    'warn Events cannot be delivered for now; they wait {"server":"http://a","reason":"away","hint":"Look there."}',
    'warn Events cannot be delivered for now; they wait {"server":"http://a","reason":"away","hint":"Look there."}',
    'warn Events cannot be delivered for now; they wait {"server":"http://a","reason":"full"}',
    'info Events are delivered again {"server":"http://a","afterSeconds":840}',
    'warn Events go to another server from now on {"from":"http://a","to":"http://b"}',
  ])
  expect(troubles.statusOf([{ url: A, isCurrent: false, trouble: undefined }])).toEqual([
    { url: A, isCurrent: false, trouble: null },
  ])
})
