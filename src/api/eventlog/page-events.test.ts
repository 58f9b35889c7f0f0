import { expect, test } from 'vitest'
import { createView } from '../view.ts'
import { pageEvents, type PageContents } from './page-events.ts'
import { parseScope } from './page-question.ts'

const PIECES = 5

/** A store that gives each piece when it is let. */
function holdingStore() {
  const begun: (() => void)[] = []
  let returned = 0
  return {
    begun,
    get returned() {
      return returned
    },
    async *texts() {
      const number = begun.length
      try {
        await new Promise<void>((resolve) => begun.push(resolve))
        yield Buffer.from(`piece ${number}`)
      } finally {
        returned++
      }
    },
    // No piece is too much for one answer here.
    stream: () => expect.unreachable('a piece was asked for in rows'),
  }
}

const contents: PageContents = {
  count: PIECES,
  pieces: Array.from({ length: PIECES }, (_, index) => ({ fromNs: BigInt(index), toNs: BigInt(index + 1), count: 1 })),
}
const view = createView({ filter: '' }, { nowNs: 0n })
const wanted = {
  scope: parseScope('shop', {}, { view, graceNs: 0n, nowNs: 0n }),
  separator: '\n' as const,
  options: {},
}

test('the second piece is begun with the first, and never a third before the first has been given', async () => {
  const store = holdingStore()
  const given: string[] = []
  const texts = pageEvents(store, contents, wanted)
  let next = texts.next()
  expect(store.begun).toHaveLength(2)
  for (let taken = 0; taken < PIECES; taken++) {
    store.begun[taken]?.()
    if (taken > 0) {
      expect((await next).value).toBe('\n')
      next = texts.next()
    }
    given.push(String((await next).value))
    expect(store.begun).toHaveLength(Math.min(taken + 2, PIECES))
    next = texts.next()
  }
  expect((await next).done).toBe(true)
  expect(given).toEqual(Array.from({ length: PIECES }, (_, index) => `piece ${index}`))
  expect(store.returned).toBe(PIECES)
})

test('who goes away after the first piece ends the second', async () => {
  const store = holdingStore()
  const texts = pageEvents(store, contents, wanted)
  const first = texts.next()
  for (const give of store.begun) give()
  await first
  await texts.return()
  expect(store.returned).toBe(store.begun.length)
})
