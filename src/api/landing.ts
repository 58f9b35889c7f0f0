import { wantsPage } from './browser.ts'
import type { ApiContext } from './context.ts'
import { landingPage, landingText, PAGE_POLICY, type Landing } from './landing-page.ts'
import { textResponse, type ApiServer } from './schemas.ts'

/** `/`: says what answers here and how to use it, for a person who opened the address in a browser or with curl. */
export function registerLanding(app: ApiServer, context: ApiContext): void {
  app.get(
    '/',
    {
      config: { access: 'public' },
      schema: {
        tags: ['server'],
        summary: 'What this server is',
        description: 'For a browser (Accept: text/html) a page, with a form to log in where there are keys.',
        response: { 200: textResponse('A short text', 'text/html') },
      },
    },
    ({ protocol, host, headers, principal, query }, reply) => {
      const landing: Landing = {
        version: context.version,
        url: `${protocol}://${host}`,
        principal,
        isRefused: (query as Readonly<Record<string, unknown>>)['login'] === 'refused',
      }
      reply.headers({ 'cache-control': 'no-store', vary: 'accept, cookie, authorization' })
      if (!wantsPage({ headers })) {
        return reply.type('text/plain; charset=utf-8').send(landingText(landing))
      }
      return reply
        .headers({
          'content-security-policy': PAGE_POLICY,
          // Its forms have to tell where they come from.
          'referrer-policy': 'same-origin',
        })
        .type('text/html; charset=utf-8')
        .send(landingPage(landing))
    },
  )
}
