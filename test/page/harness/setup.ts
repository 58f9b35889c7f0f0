import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sparticuz from '@sparticuz/chromium'
import { chromium } from 'playwright-core'
import type { TestProject } from 'vitest/node'
import { launchServer } from '../../system/harness/server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where Chromium takes commands. */
    browser: string
    /** Of a server without keys that all files share: each uses services of its own. */
    server: string
    /** Where it takes the forward protocol: address and port. */
    forward: string
  }
}

/** It ends with its first window in one process, and the page is to be held to what browsers of people hold it to. */
const LEFT_OUT = new Set(['--single-process', '--disable-web-security', '--allow-running-insecure-content'])
/** Without a graphics card drawing by the processor itself is five times as fast as a graphics library that does it. */
const GRAPHICS = /gpu|angle|swiftshader|use-gl/
const ARGS = [...sparticuz.args.filter((arg) => !LEFT_OUT.has(arg) && !GRAPHICS.test(arg)), '--disable-gpu']

/** Listeners of its own, whatever else runs on this machine. */
const FLAGS = {
  logd: 'off',
  forward: 'tcp://127.0.0.1:0',
  syslog: 'off',
  'livestream-put': 'off',
  'livestream-get': 'off',
}

/** One Chromium and one server for all files. Returns what ends them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-page-'))
  const server = launchServer({ dataDir, flags: FLAGS })
  const [browser, { listeners }] = await Promise.all([
    sparticuz
      .executablePath()
      .then((executablePath) => chromium.launchServer({ executablePath, args: ARGS, headless: true })),
    server.ready,
  ])
  project.provide('browser', browser.wsEndpoint())
  project.provide('server', server.url)
  project.provide('forward', listeners['forward'] ?? '')
  return async () => {
    await browser.close()
    await server.remove()
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}
