import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { afterAll, expect, inject, onTestFinished } from 'vitest'
import { settled } from '../../system/harness/http.ts'

/** Milliseconds; for what the machine may be slow at. */
const PATIENCE_MS = 20_000

let connected: Promise<Browser> | undefined
afterAll(async () => {
  await (await connected)?.close()
  connected = undefined
})

export const serverUrl = (): string => inject('server')

/** A page of somebody's own browser profile, with everything watched that must never happen on it. */
export interface Visit {
  page: Page
  /** Fails when the page asked anybody else, broke its own policy, or threw. */
  expectQuiet(): void
}

export interface VisitOptions extends BrowserContextOptions {
  /** Of another server than the shared one. */
  url?: string
  /** The server or its store is away for a while: requests may fail. */
  isDown?: boolean
}

/** Opens an address of the page. It is closed when the test is finished, and has to have been quiet. */
export async function visit(
  path: string,
  { url = serverUrl(), isDown = false, ...options }: VisitOptions = {},
): Promise<Visit> {
  connected ??= chromium.connect(inject('browser'))
  const context = await (
    await connected
  ).newContext({
    baseURL: url,
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
    ...options,
  })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    const isExpected =
      /status of 4\d\d/.test(message.text()) || (isDown && /net::ERR_|status of 503/.test(message.text()))
    if (message.type() === 'error' && !isExpected) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin && !request.url().startsWith('blob:')) {
      complaints.push(`asked ${request.url()}`)
    }
  })
  const expectQuiet = (): void => expect(complaints).toEqual([])
  onTestFinished(async () => {
    await context.close()
    expectQuiet()
  })
  await page.goto(path)
  return { page, expectQuiet }
}

/** Stores events and waits until they can be found. */
export async function ingest(events: readonly object[], url = serverUrl()): Promise<void> {
  const response = await fetch(`${url}/api/v1/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: events.map((event) => JSON.stringify(event)).join('\n'),
  })
  expect(response.status).toBe(200)
  await settled(url)
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Everything that axe has against the page as it is now, one line each. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  const found = await page.evaluate(`${AXE};axe.run(document, { resultTypes: ['violations'] })`)
  const { violations } = found as { violations: { id: string; help: string; nodes: { html: string }[] }[] }
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`))
}
