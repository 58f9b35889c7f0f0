import { expect, test } from 'vitest'
import { accessibilityProblems, ingest, serverUrl, visit } from './harness/browser.ts'

test('tells what comes in, what was not taken with examples, and how the parts are', async () => {
  await ingest([{ service: 'status', message: 'an event' }])
  const refused = await fetch(`${serverUrl()}/api/v1/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: '{"fine":1}\n<img src=x onerror="document.title=1"> is no JSON\n',
  })
  expect(refused.status).toBe(200)
  const reported = await fetch(`${serverUrl()}/api/v1/agents/a-1/report`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      host: 'files-1',
      version: '0.1.0',
      files: 12,
      behindBytes: 4096,
      behindSeconds: 1,
      problems: 3,
    }),
  })
  expect(reported.status).toBe(200)
  const { page } = await visit('/view/status')
  await page.getByRole('heading', { name: 'Status', exact: true }).waitFor()
  const agent = page.getByRole('table', { name: 'Agents that ship log files' }).getByRole('row', { name: /files-1/ })
  await agent.getByText('4 KiB').waitFor()
  const row = page.getByRole('table', { name: 'What comes in' }).getByRole('row').filter({ hasText: 'http' })
  await row.getByRole('img', { name: /events in the last hour/ }).waitFor()
  await page.getByText('not json from http').click()
  // What was sent is a text here as everywhere.
  await page.getByText('<img src=x onerror="document.title=1"> is no JSON').first().waitFor()
  expect(await page.title()).toBe('Status · Tailrace')
  await page.getByText('ready', { exact: true }).waitFor()
  await page.getByRole('heading', { name: 'Slow queries' }).waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
})

test('goes on by itself', async () => {
  const { page } = await visit('/view/nowhere')
  await page.clock.install()
  await page.goto('/view/status')
  const total = page.getByRole('listitem').filter({ hasText: 'Coming in' }).locator('small')
  await total.waitFor()
  const before = await total.innerText()
  await ingest([{ service: 'status', message: 'another' }])
  await page.clock.fastForward(5000)
  await expect.poll(() => total.innerText()).not.toBe(before)
})
