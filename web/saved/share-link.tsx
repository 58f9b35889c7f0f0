import { useEffect } from 'preact/hooks'
import { SHARES_PATH, type Share } from '../api/saved.ts'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { useLoad } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'

/** Where a short link leads: on to the view that was shared. */
export function ShareLink() {
  const { router, client } = usePage()
  const id = router.place.value.params.get('id') ?? ''
  const { value, problem, retry } = useLoad(id, (signal) =>
    client.get<Share>(`${SHARES_PATH}/${encodeURIComponent(id)}`, {}, signal),
  )
  useEffect(() => {
    if (value) router.go(value.address, { replace: true })
  }, [value])
  if (problem?.code === 'SAVED_NOT_FOUND') {
    return (
      <Empty title="This link leads nowhere any more" steps={<a href="/">To the newest events</a>}>
        <p>What was shared with it has been removed, or the link is not whole.</p>
      </Empty>
    )
  }
  return problem ? <Failure problem={problem} onRetry={retry} /> : <Loading what="the shared view" />
}
