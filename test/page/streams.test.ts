import { request } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { accessibilityProblems, serverUrl, visit } from './harness/browser.ts'

/** A writer that goes on until the test is finished. */
async function begin(name: string, text: string): Promise<void> {
  const put = request(`${serverUrl()}/streams/${name}`, { method: 'PUT' })
  put.on('error', () => undefined)
  onTestFinished(() => void put.destroy())
  put.write(text)
  const sizeOf = async (): Promise<number | undefined> => {
    const answer = await fetch(`${serverUrl()}/streams/?prefix=${name}`)
    return ((await answer.json()) as { streams: { size: number }[] }).streams[0]?.size
  }
  await expect.poll(sizeOf).toBe(text.length)
}

test('which streams there are; they lead to their bytes and to their lines', async () => {
  await fetch(`${serverUrl()}/streams/page/done`, { method: 'PUT', body: 'one\ntwo\n' })
  await begin('page/growing', 'a first line\n')
  const { page } = await visit('/view/streams?prefix=page%2F')
  const growing = page.getByRole('row').filter({ hasText: 'page/growing' })
  await growing.getByText('live', { exact: true }).waitFor()
  const done = page.getByRole('row').filter({ hasText: 'page/done' })
  await done.getByText('finished').waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
  await page.getByLabel('State').selectOption('finished')
  await page.waitForURL(/state=finished/)
  await growing.waitFor({ state: 'detached' })
  await page.getByLabel('State').selectOption('')
  const bytes = growing.getByRole('link', { name: 'page/growing' })
  expect(await bytes.getAttribute('href')).toBe('/streams/page/growing')
  // Each of its lines becomes an event: the number leads to them.
  await done.getByRole('link', { name: '2', exact: true }).click()
  await page.waitForURL(/\?q=source/)
  await page.getByText('two', { exact: true }).first().waitFor()
  await page.getByRole('option', { name: /two +.*stream\.line=2/ }).waitFor()
})

test('a link is made that needs no key and taken back, and a stream is removed', async () => {
  await fetch(`${serverUrl()}/streams/gone/build`, { method: 'PUT', body: 'x\n' })
  const { page } = await visit('/view/streams?prefix=gone%2F', { permissions: ['clipboard-read', 'clipboard-write'] })
  await page.getByRole('button', { name: 'Copy a link to gone/build' }).click()
  await page.getByText('A link for everybody is in the clipboard').waitFor()
  const link = await page.evaluate<string>('navigator.clipboard.readText()')
  expect(await (await fetch(link)).text()).toBe('x\n')
  const listed = page.getByRole('row').filter({ hasText: 'gone/build' }).getByRole('button', { name: 'Take back' })
  await listed.waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
  await listed.click()
  await listed.waitFor({ state: 'detached' })
  expect((await fetch(link)).status).toBe(404)
  await page.getByRole('button', { name: 'Remove gone/build' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove the stream' }).click()
  await page.getByRole('heading', { name: 'No stream is like that' }).waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
})
