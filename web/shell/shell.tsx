import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { mayUse, type Who } from '../api/session.ts'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { ToastList } from '../parts/toast.tsx'
import { useLoad } from '../parts/use-load.ts'
import { commandFor } from './commands.ts'
import { Help } from './help.tsx'
import { Login } from './login.tsx'
import { usePage } from './page.ts'
import { Palette } from './palette.tsx'
import { followedLink } from './router.ts'
import { TopBar } from './top-bar.tsx'
import { useCommands } from './use-commands.ts'
import { VIEWS, type View } from './views.ts'

/** Everything: the bar, the view that the address names, what lies over it. */
export function Shell() {
  const { session, toasts } = usePage()
  const asked = useLoad('who', () => session.refresh())
  const who = session.who.value
  if (!who) {
    return asked.problem ? (
      <Failure problem={asked.problem} onRetry={asked.retry} />
    ) : (
      <div class="shell" aria-busy="true" />
    )
  }
  return (
    <>
      {who.by === 'nobody' ? <Login /> : <Inside who={who} />}
      <ToastList toasts={toasts} />
    </>
  )
}

function Inside({ who }: { who: Who }) {
  const { router, commands, client } = usePage()
  const [over, setOver] = useState<'palette' | 'help'>()
  useKeys(setOver)
  useCommands([
    { name: 'Show the keys', key: '?', run: () => setOver('help') },
    ...VIEWS.filter(({ right }) => mayUse(who, right)).map(({ name, path }) => ({
      name: `Go to ${name}`,
      run: () => router.go(path),
    })),
  ])
  const close = (): void => setOver(undefined)
  const { path } = router.place.value
  const view = VIEWS.find((candidate) => candidate.path === path)
  useEffect(() => {
    document.title = view ? `${view.name} · Tailrace` : 'Tailrace'
  }, [view])
  return (
    <div
      class="shell"
      onClick={(event) => {
        const href = followedLink(event)
        if (href === undefined) return
        event.preventDefault()
        router.go(href)
      }}
    >
      <a class="skip-link" href="#view">
        To the content
      </a>
      <TopBar onPalette={() => setOver('palette')} onHelp={() => setOver('help')} />
      {!client.isReachable.value && (
        <p class="notice" role="alert">
          The server cannot be reached. What you see may be old; the page goes on by itself when it is back.
        </p>
      )}
      <main id="view" class="view" tabIndex={-1}>
        {view && mayUse(who, view.right) ? <ViewOf key={view.path} view={view} /> : <NoView />}
      </main>
      {over === 'palette' && <Palette onClose={close} />}
      {over === 'help' && <Help onClose={close} />}
    </div>
  )

  function useKeys(open: (what: 'palette') => void): void {
    useEffect(() => {
      const onKeyDown = (event: KeyboardEvent): void => {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
          event.preventDefault()
          open('palette')
          return
        }
        const command = commandFor(event, commands.all.value)
        if (!command) return
        event.preventDefault()
        command.run()
      }
      document.addEventListener('keydown', onKeyDown)
      return () => document.removeEventListener('keydown', onKeyDown)
    }, [])
  }
}

function ViewOf({ view: { name, component: Component } }: { view: View }) {
  return typeof Component === 'object' ? <LazyView name={name} load={Component.load} /> : <Component />
}

function LazyView({ name, load }: { name: string; load: () => Promise<ComponentType> }) {
  const { value, problem, retry } = useLoad(name, async () => ({ Component: await load() }))
  if (problem) return <Failure problem={problem} onRetry={retry} />
  return value ? <value.Component /> : <Loading what={name} />
}

function NoView() {
  return (
    <>
      <h1 class="unseen">Not found</h1>
      <Empty title="There is nothing at this address" steps={<a href="/">To the newest events</a>}>
        <p>The link may be old, or it leads to something that your key does not allow.</p>
      </Empty>
    </>
  )
}
