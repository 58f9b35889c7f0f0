import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import type { Owner } from './ownership.ts'
import { openSaved, type Saved, type SavedLimits } from './saved.ts'

let dir: string
let nowMs = 1000
let counters: Counters
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tailrace-saved-'))
  nowMs = 1000
  counters = new Counters()
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const open = (limits: Partial<SavedLimits> = {}): Promise<Saved> =>
  openSaved({ dir, clock: () => nowMs++, counters, limits })
const unkept = (): Promise<Saved> => openSaved({ dir: undefined, clock: () => nowMs++, counters })
const owner = (keyId: string, changes: Partial<Owner> = {}): Owner => ({
  keyId,
  name: `key ${keyId}`,
  filter: '',
  isAdmin: false,
  ...changes,
})
const search = (name: string) => ({ name, query: `word ${name}`, start: '-1h', end: '', columns: ['order'] })
const names = (saved: Saved, who: Owner): string[] => saved.searches.list(who).map(({ name }) => name)

const ANN = owner('ann')
const BOB = owner('bob')
const EVE = owner('eve', { filter: 'tenant:a' })
const ADMIN = owner('adm', { isAdmin: true })
const NOBODY_YET = owner('', { isAdmin: true, name: '' })

describe('what is saved', () => {
  test('lasts as long as the process where there is no folder', async () => {
    const saved = await unkept()
    await saved.searches.add(search('a'), ANN)
    await saved.shares.add('/?q=x', ANN)
    expect(names(saved, ANN)).toEqual(['a'])
    await saved.close()
    expect(names(await unkept(), ANN)).toEqual([])
    expect(readdirSync(dir)).toEqual([])
  })

  test('is there after a restart, for its owner alone on disk', async () => {
    const first = await open()
    await first.searches.add(search('b'), ANN)
    await first.searches.add(search('a'), ANN)
    const { share } = await first.shares.add('/?q=x', ANN)
    await first.rules.replace([{ filter: 'level:debug', age: 1 }], first.rules.revision)
    await first.close()
    const second = await open()
    expect(second.searches.list(BOB)).toEqual(first.searches.list(BOB))
    expect(names(second, BOB)).toEqual(['a', 'b'])
    expect(second.shares.find(share.id)).toEqual(share)
    expect([second.rules.rules, second.rules.revision]).toEqual([first.rules.rules, first.rules.revision])
    expect(readdirSync(dir).toSorted()).toEqual(['retention.json', 'searches.json', 'shares.json'])
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600)
  })

  test('many changes at once all count, and too many are refused', async () => {
    const saved = await open()
    const all = await Promise.allSettled(
      Array.from({ length: 100 }, (_, n) => saved.searches.add(search(`s${n}`), ANN)),
    )
    const kept = all.filter(({ status }) => status === 'fulfilled').length
    expect(kept).toBeGreaterThanOrEqual(64)
    expect(all.filter((one) => one.status === 'rejected').map((one) => one.reason as unknown)).toEqual(
      Array.from({ length: 100 - kept }, () => expect.objectContaining({ code: 'TOO_MANY_REQUESTS' }) as unknown),
    )
    expect(names(await open(), ANN)).toHaveLength(kept)
  })

  test('what cannot be written does not count', async () => {
    const saved = await open()
    await saved.searches.add(search('a'), ANN)
    mkdirSync(join(dir, 'searches.json.new'))
    await expect(saved.searches.add(search('b'), ANN)).rejects.toMatchObject({ code: 'SAVED_WRITE_FAILED' })
    expect(names(saved, ANN)).toEqual(['a'])
    rmSync(join(dir, 'searches.json.new'), { recursive: true })
    await saved.searches.add(search('c'), ANN)
    expect(names(await open(), ANN)).toEqual(['a', 'c'])
  })

  test.each(['', '{', '[]', '{"format":2,"items":[]}', '{"format":1,"items":[{"id":1}]}'])(
    'a damaged file is named: %j',
    async (text) => {
      writeFileSync(join(dir, 'searches.json'), text)
      await expect(open()).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        detail: expect.stringContaining('searches.json is damaged') as unknown,
      })
      expect(readFileSync(join(dir, 'searches.json'), 'utf8')).toBe(text)
    },
  )
})

describe('searches', () => {
  test.each<[name: string, who: Owner, sees: string[]]>([
    ['a key without a filter', BOB, ['ann', 'eve', 'nobody']],
    ['an admin key', ADMIN, ['ann', 'eve', 'nobody']],
    ['the key with a filter that saved one', EVE, ['eve']],
    ['another key with the same filter', { ...EVE, keyId: 'mal' }, []],
    ['a token of that key with another filter', { ...EVE, filter: 'tenant:a OR tenant:b' }, []],
    ['a token with a filter, of a key without', { ...ANN, filter: 'tenant:a' }, []],
  ])('%s sees %j', async (_name, who, sees) => {
    const saved = await open()
    await saved.searches.add(search('nobody'), NOBODY_YET)
    const { id } = await saved.searches.add(search('ann'), ANN)
    await saved.searches.add(search('eve'), EVE)
    expect(names(saved, who)).toEqual(sees)
    const code = sees.includes('ann') ? (who.isAdmin ? undefined : 'ACCESS_DENIED') : 'SAVED_NOT_FOUND'
    const change = await saved.searches.replace(id, search('new'), who).then(
      () => undefined,
      (error: unknown) => (error as { code: string }).code,
    )
    expect(change).toBe(code)
    const removal = await saved.searches.remove(id, who).then(
      () => undefined,
      (error: unknown) => (error as { code: string }).code,
    )
    expect(removal).toBe(code)
  })

  test('are changed and removed by who saved them', async () => {
    const saved = await open()
    const { id, createdMs } = await saved.searches.add(search('a'), ANN)
    expect(await saved.searches.replace(id, { ...search('z'), columns: [] }, ANN)).toMatchObject({
      id,
      createdMs,
      name: 'z',
      query: 'word z',
      columns: [],
      updatedMs: createdMs + 1,
    })
    await saved.searches.remove(id, ANN)
    await expect(saved.searches.remove(id, ANN)).rejects.toMatchObject({ code: 'SAVED_NOT_FOUND' })
    expect(names(await open(), ADMIN)).toEqual([])
  })

  test('have a limit of all and one of a key', async () => {
    const saved = await open({ searchesMax: 3, perKeyMax: 2 })
    await saved.searches.add(search('1'), ANN)
    await saved.searches.add(search('2'), ANN)
    await expect(saved.searches.add(search('3'), ANN)).rejects.toMatchObject({ code: 'SAVED_FULL' })
    await saved.searches.add(search('3'), BOB)
    await expect(saved.searches.add(search('4'), BOB)).rejects.toMatchObject({ code: 'SAVED_FULL' })
    expect(counters.samples().filter(({ name }) => name === 'saved_refused_total')).toEqual([
      { name: 'saved_refused_total', labels: { kind: 'search', limit: 'key' }, value: 1 },
      { name: 'saved_refused_total', labels: { kind: 'search', limit: 'all' }, value: 1 },
    ])
  })
})

describe('shared views', () => {
  test('the same view of the same key keeps its id', async () => {
    const saved = await open({ sharesMax: 2 })
    const first = await saved.shares.add('/?q=1', ANN)
    expect(await saved.shares.add('/?q=1', ANN)).toEqual({ share: first.share, isNew: false })
    const other = await saved.shares.add('/?q=1', BOB)
    expect(other.share.id).not.toBe(first.share.id)
    expect(first.share.id).toMatch(/^[\w-]{22}$/)
    await expect(saved.shares.add('/?q=2', ANN)).rejects.toMatchObject({ code: 'SAVED_FULL' })
  })

  test('are listed and removed by who shared them, and by admins', async () => {
    const saved = await open()
    const { share } = await saved.shares.add('/?q=1', ANN)
    await saved.shares.add('/?q=2', BOB)
    const seen = (who: Owner): string[] => saved.shares.list(who).map(({ address }) => address)
    expect([seen(ANN), seen(BOB), seen(ADMIN), seen(EVE)]).toEqual([['/?q=1'], ['/?q=2'], ['/?q=2', '/?q=1'], []])
    await expect(saved.shares.remove(share.id, BOB)).rejects.toMatchObject({ code: 'SAVED_NOT_FOUND' })
    await saved.shares.remove(share.id, ADMIN)
    expect(() => saved.shares.find(share.id)).toThrow(expect.objectContaining({ code: 'SAVED_NOT_FOUND' }) as Error)
  })
})

test('rules are replaced only by who has seen them as they are', async () => {
  const { rules } = await open()
  const seen = rules.revision
  await rules.replace([{ filter: 'a', age: 1 }], seen)
  await expect(rules.replace([], seen)).rejects.toMatchObject({ code: 'SAVED_CHANGED' })
  expect(rules.rules).toEqual([{ filter: 'a', age: 1 }])
  await rules.replace([], rules.revision)
  expect(rules.revision).toBe(seen)
})
