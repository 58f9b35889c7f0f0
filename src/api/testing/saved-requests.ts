/** For tests: every route about what is saved that readers may use, and something to ask of it. */
export const SAVED_REQUESTS: readonly (readonly [route: string, path: string, body?: object])[] = [
  ['GET /api/v1/searches', '/api/v1/searches'],
  ['POST /api/v1/searches', '/api/v1/searches', { name: 'a', query: 'b' }],
  ['PUT /api/v1/searches/:id', '/api/v1/searches/none', { name: 'a', query: 'b' }],
  ['DELETE /api/v1/searches/:id', '/api/v1/searches/none'],
  ['GET /api/v1/shares', '/api/v1/shares'],
  ['POST /api/v1/shares', '/api/v1/shares', { address: '/?q=x' }],
  // Whoever was given the id is shown the address; nobody finds one by trying.
  ['GET /api/v1/shares/:id', '/api/v1/shares/none'],
  ['DELETE /api/v1/shares/:id', '/api/v1/shares/none'],
]
