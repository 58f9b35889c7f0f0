import { createSocket } from 'node:dgram'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SECRET, startTinyLogd, type Received, type TinyLogd } from './testing/tiny-logd.ts'
import { tail, type LogdTailItem, type LogdTailOptions } from './tail.ts'

const PING_MS = 20

let server: TinyLogd
let stop: AbortController

beforeEach(async () => {
  server = await startTinyLogd()
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort()
  await server.close().catch(() => undefined)
})

function watch(options: Partial<LogdTailOptions> = {}) {
  return tail({ port: server.port, secret: SECRET, pingMs: PING_MS, signal: stop.signal, ...options })
}

const isTail = ({ command }: Received) => command.name === 'tail'
const isPing = ({ command }: Received) => command.name === 'ping'

/** Answers each TAIL as logd does, then sends the messages. */
function answerWith(...texts: string[]): void {
  server.answer = ({ command, from }) => {
    if (command.name !== 'tail') return
    server.tailing(from)
    for (const text of texts) server.say({ text }, from)
  }
}

async function take(items: AsyncGenerator<LogdTailItem>, count: number): Promise<string[]> {
  const taken: string[] = []
  while (taken.length < count) {
    const { value } = await items.next()
    if (!value) break
    if (value.kind === 'message') taken.push(value.message.text)
    else if (value.kind === 'notice') taken.push(`${value.notice}${value.hasGap ? ' after a gap' : ''}`)
    else taken.push(`${value.count} skipped`)
  }
  return taken
}

describe('a tail', () => {
  test('says its filters, brings messages, and pings', async () => {
    answerWith('one', 'two')
    const filters = { keyPrefix: '/test', level: 'warn', url: '/a', responseStatus: 500 } as const
    expect(await take(watch({ filters }), 3)).toEqual(['watching', 'one', 'two'])
    expect((await server.wait(1, isTail))[0]?.command.query).toEqual(filters)
    await server.wait(2, isPing)
  })

  test('shows only what passes the filters that the original ignores', async () => {
    server.answer = ({ from, command }) => {
      if (command.name !== 'tail') return
      server.say({ text: 'Disk full', httpMethod: 'GET' }, from)
      server.say({ text: 'disk FULL', httpMethod: 'PUT' }, from)
      server.say({ text: 'disk empty', httpMethod: 'PUT' }, from)
      server.say({ text: 'the disk is full' }, from)
      server.say({ text: 'last disk full', httpMethod: 'PUT' }, from)
    }
    const items = watch({ filters: { text: 'disk full', httpMethod: 'PUT' } })
    expect(await take(items, 2)).toEqual(['disk FULL', 'last disk full'])
  })

  test('subscribes again when it is kicked, and says that there is a gap', async () => {
    let tails = 0
    server.answer = ({ command, from }) => {
      if (command.name === 'tail') {
        server.tailing(from)
        server.say({ text: `tail ${++tails}` }, from)
      } else if (tails === 1) server.kick(from)
    }
    const items = watch()
    expect(await take(items, 2)).toEqual(['watching', 'tail 1'])
    const rest = await take(items, 3)
    expect(rest[0]).toBe('kicked after a gap')
    expect(rest.slice(-2)).toEqual(['watching after a gap', 'tail 2'])
  })

  test('asks for a sign of life when nothing is heard', async () => {
    answerWith()
    expect(await take(watch(), 1)).toEqual(['watching'])
    await server.wait(3, isTail)
    // Three pings lie between, and what is confirmed is no news.
    expect(server.received.filter(isPing).length).toBeGreaterThanOrEqual(6)
  })

  test('says when nobody answers, and goes on asking', async () => {
    const items = watch()
    expect(await take(items, 1)).toEqual(['unanswered after a gap'])
    answerWith('at last')
    expect(await take(items, 2)).toEqual(['watching after a gap', 'at last'])
  })

  test('survives a server that goes away and comes back', async () => {
    answerWith('before')
    const items = watch()
    expect(await take(items, 2)).toEqual(['watching', 'before'])
    const { port } = server
    await server.close()
    const next = take(items, 1)
    expect(await next).toEqual(['unanswered after a gap'])
    server = await startTinyLogd(port)
    answerWith('after')
    expect(await take(items, 2)).toEqual(['watching after a gap', 'after'])
  })

  test('tells a slow reader how many were skipped', async () => {
    answerWith(...Array.from({ length: 20 }, (_, index) => `message ${index}`))
    const items = watch({ messagesMax: 5 })
    expect(await take(items, 1)).toEqual(['watching'])
    // Everything was with the kernel before the first ping.
    await server.wait(2, isPing)
    const taken = await take(items, 6)
    const count = taken.filter((text) => text.startsWith('message')).length
    expect(count).toBe(5)
    expect(taken.find((text) => text.endsWith('skipped'))).toBe('15 skipped')
  })

  test('and how many the server skipped for it', async () => {
    server.answer = ({ from }) => server.say({ key: '//logd', text: '12 messages skipped' }, from)
    expect(await take(watch(), 1)).toEqual(['12 skipped'])
  })

  test('ends by its signal, at once and also before it began', async () => {
    const items = watch()
    const next = items.next()
    await server.wait(1)
    stop.abort()
    expect(await next).toEqual({ value: undefined, done: true })
    expect(await watch().next()).toEqual({ value: undefined, done: true })
  })
})

describe('who sends what it should not', () => {
  const garbage = ['', 'ff', '0a', '3a05', '3a05686565', '00'.repeat(60_000), '1a0161', 'ffffffffffffffffffff01']
  test('bytes that are no message are passed over', async () => {
    server.answer = ({ command, from }) => {
      if (command.name !== 'tail') return
      for (const hex of garbage) server.say(Buffer.from(hex, 'hex'), from)
      server.say({ text: 'good' }, from)
    }
    expect(await take(watch(), 1)).toEqual(['good'])
  })

  test('messages of another address are not heard', async () => {
    const stranger = createSocket('udp4')
    server.answer = ({ command, from }) => {
      if (command.name !== 'tail') return
      // The stranger's datagrams are with the kernel before those of the server.
      stranger.send(Buffer.from('3a076d616c6c6f7279620a2f746573742f617070', 'hex'), from.port, from.address, () => {
        server.say({ text: 'good' }, from)
      })
    }
    expect(await take(watch(), 1)).toEqual(['good'])
    stranger.close()
  })

  test('a storm of kicks does not become a storm of requests', async () => {
    server.answer = ({ command, from }) => {
      if (command.name !== 'tail') return
      for (let i = 0; i < 50; i++) server.kick(from)
      server.say({ text: 'end' }, from)
    }
    const items = watch({ pingMs: 60_000 })
    const taken = await take(items, 51)
    expect(taken.at(-1)).toBe('end')
    expect(server.received).toHaveLength(1)
  })
})
