import { describe, expect, test } from 'vitest'
import type { Access, KeyInfo, NewKey } from '../access/access.ts'
import { requireKey } from './first-key.ts'

const NEW_KEY = { key: 'trk_new', info: {} as KeyInfo }

function access(isOpen: boolean, valid: number) {
  const created: NewKey[] = []
  const doors: Pick<Access, 'isOpen' | 'keys' | 'status'> = {
    isOpen,
    keys: {
      list: () => [],
      create: async (key) => {
        created.push(key)
        return NEW_KEY
      },
      revoke: () => Promise.reject(new Error('nobody revokes')),
    },
    status: () => ({ open: isOpen, keys: { admin: 0, read: valid, write: 0 } }),
  }
  return { doors, created }
}

describe('an address that others can reach', () => {
  const cases: [host: string, isOpen: boolean, valid: number, isFirst: boolean, result: string | undefined][] = [
    ['127.0.0.1', true, 0, true, undefined],
    ['::1', true, 0, false, undefined],
    ['127.0.0.1', false, 0, false, undefined],
    ['0.0.0.0', true, 0, true, 'trk_new'],
    ['0.0.0.0', true, 0, false, 'refused'],
    ['logs.example', true, 0, false, 'refused'],
    ['::', false, 0, false, 'refused'],
    ['::', false, 0, true, 'refused'],
    ['0.0.0.0', false, 1, false, undefined],
    ['0.0.0.0', false, 1, true, undefined],
  ]
  test.each(cases)('%s, open %s, %i valid keys, first start %s → %s', async (host, isOpen, valid, isFirst, result) => {
    const { doors, created } = access(isOpen, valid)
    const asked = requireKey({ host, data: '/data' }, doors, isFirst)
    if (result === 'refused') {
      await expect(asked).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        hint: 'Make one with: tailrace keys create --role admin --data /data',
      })
    } else expect(await asked).toBe(result === undefined ? undefined : NEW_KEY)
    expect(created).toEqual(result === 'trk_new' ? [{ role: 'admin', name: 'first admin' }] : [])
  })
})
