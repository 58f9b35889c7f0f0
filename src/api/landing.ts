import { wantsPage } from './browser.ts'
import type { ApiContext } from './context.ts'
import { landingText } from './landing-text.ts'
import { sendShell, SHELL } from './page.ts'
import { textResponse, type ApiServer } from './schemas.ts'

/** `/`: the page for a browser; for curl a text that says what answers here and how to use it. */
export function registerLanding(app: ApiServer, { version, page }: Pick<ApiContext, 'version' | 'page'>): void {
  const shell = page.get(SHELL)
  app.get(
    '/',
    {
      config: { access: 'public' },
      schema: {
        tags: ['server'],
        summary: 'What this server is',
        description: 'For a browser (Accept: text/html) the page.',
        response: { 200: textResponse('A short text', 'text/plain') },
      },
    },
    (request, reply) => {
      if (shell && wantsPage(request)) return sendShell(request, reply, shell)
      const { protocol, host, principal } = request
      return reply
        .headers({ 'cache-control': 'no-store', vary: 'accept, cookie, authorization' })
        .type('text/plain; charset=utf-8')
        .send(landingText({ version, url: `${protocol}://${host}`, principal }))
    },
  )
}
