import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, inject, onTestFinished, test } from 'vitest'
import { encodeMessage, writeHeartbeat, writeRecord } from '../../src/wire/audit/encode.ts'
import type { AuditRecord } from '../../src/wire/audit/record.ts'
import { GOLDEN_RECORD } from '../../src/wire/audit/testing/records.ts'
import { accessibilityProblems, serverUrl, visit } from './harness/browser.ts'

const HEARTBEAT = { auditVersion: 'v.9.8.7', osVersion: '6.1', language: 'go1.22', destination: 'TCP' }
const HOSTILE = '<b onmouseover=alert(1)>drop</b>'

/** A program that is connected until the test is finished. */
async function send(records: readonly AuditRecord[]): Promise<void> {
  const [host = '', port = ''] = inject('forward').split(':')
  const socket = connect({ host, port: Number(port) })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const seconds = Math.floor(Date.now() / 1000)
  socket.write(encodeMessage((writer) => writeHeartbeat(writer, HEARTBEAT, seconds)))
  for (const record of records) socket.write(encodeMessage((writer) => writeRecord(writer, record, seconds)))
  await expect
    .poll(async () => {
      const query = encodeURIComponent(`service:audit/* OperationName:${JSON.stringify(HOSTILE)} | stats count() n`)
      const answer = (await (await fetch(`${serverUrl()}/api/v1/query?query=${query}`)).json()) as { rows: number[][] }
      return answer.rows[0]?.[0]
    })
    .toBe(1)
}

test('shows who sends records, and in each who did what to what', async () => {
  await send([
    { ...GOLDEN_RECORD, operationName: 'AddUser' },
    { ...GOLDEN_RECORD, operationName: HOSTILE, operationResult: 'Failure' },
  ])
  const { page } = await visit('/view/audit')
  const agent = page.getByRole('row').filter({ hasText: 'go1.22 v.9.8.7' })
  await agent.getByText('alive').waitFor()
  const row = page.getByRole('row').filter({ hasText: 'AddUser' })
  await row.getByText('user1@domain.com (UPN)').waitFor()
  await row.getByText('Name (ResourceType)').waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
  await page.getByRole('button', { name: 'Failures' }).click()
  await row.waitFor({ state: 'detached' })
  const failure = page.getByRole('row').filter({ hasText: HOSTILE })
  await failure.getByText('Failure', { exact: true }).waitFor()
  await failure.getByRole('link').click()
  await page.waitForURL(/[?&]event=/)
  expect(await page.title()).toBe('Explore · Tailrace')
})

test('what was done to the server itself', async () => {
  // Who exports is written down.
  await (await fetch(`${serverUrl()}/api/v1/query?query=service:nobody&format=csv`)).text()
  const { page } = await visit('/view/audit?of=server')
  await page.getByRole('cell', { name: 'events.exported' }).first().waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
  await page.getByRole('button', { name: 'Keys', exact: true }).click()
  await page.getByRole('heading', { name: 'There are none' }).waitFor()
})
