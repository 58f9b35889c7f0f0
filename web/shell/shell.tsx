import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { mayUse, type Who } from '../api/session.ts'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { SaveDialog } from '../saved/save-dialog.tsx'
import { hrefOf } from '../saved/searches.ts'
import { ShareDialog } from '../saved/share-dialog.tsx'
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
import { useSessionWatch } from './use-session-watch.ts'
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

/** What lies over the view. */
type Over = 'palette' | 'help' | 'save' | 'share'

function Inside({ who }: { who: Who }) {
  const { router, commands, client, searches, session } = usePage()
  useSessionWatch(session)
  const [over, setOver] = useState<Over>()
  useKeys(setOver)
  useShellCommands(who, setOver)
  useKnocking()
  const close = (): void => setOver(undefined)
  useEffect(() => {
    // Without them the page works as well.
    if (mayUse(who, 'read')) void searches.refresh().catch(() => undefined)
  }, [who.name])
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
      <TopBar
        onPalette={() => setOver('palette')}
        onHelp={() => setOver('help')}
        onSave={() => setOver('save')}
        onShare={() => setOver('share')}
      />
      {!client.isReachable.value && (
        <p class="notice" role="alert">
          The server cannot be reached. What you see may be old; the page goes on by itself when it is back.
        </p>
      )}
      <main id="view" class="view" tabIndex={-1}>
        {view && mayUse(who, view.right) ? (
          <ViewOf key={view.path} view={view} />
        ) : (
          <NoView isReader={mayUse(who, 'read')} />
        )}
      </main>
      {over && <OverView what={over} onClose={close} />}
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

function OverView({ what, onClose }: { what: Over; onClose: () => void }) {
  if (what === 'palette') return <Palette onClose={onClose} />
  if (what === 'help') return <Help onClose={onClose} />
  return what === 'save' ? <SaveDialog onClose={onClose} /> : <ShareDialog onClose={onClose} />
}

function useShellCommands(who: Who, setOver: (over: Over) => void): void {
  const { router, searches } = usePage()
  useCommands([
    { name: 'Show the keys', key: '?', run: () => setOver('help') },
    { name: 'Save this search', words: 'bookmark', run: () => setOver('save') },
    { name: 'Share this view', words: 'link copy', run: () => setOver('share') },
    ...searches.all.value.map((search) => ({
      name: `Search: ${search.name}`,
      words: search.query,
      run: () => router.go(hrefOf(search)),
    })),
    ...VIEWS.filter(({ right, isUnlisted = false }) => !isUnlisted && mayUse(who, right)).map(({ name, path }) => ({
      name: `Go to ${name}`,
      run: () => router.go(path),
    })),
  ])
}

const KNOCK_MS = 3000

/** A server that cannot be reached is asked until it answers. */
function useKnocking(): void {
  const { client } = usePage()
  const isReachable = client.isReachable.value
  useEffect(() => {
    if (isReachable) return undefined
    // What it answers does not matter, and that it does not is known.
    const knock = (): void => void client.open('/healthz').catch(() => undefined)
    const timer = setInterval(knock, KNOCK_MS)
    return () => clearInterval(timer)
  }, [isReachable])
}

function ViewOf({ view: { name, component: Component } }: { view: View }) {
  return typeof Component === 'object' ? <LazyView name={name} load={Component.load} /> : <Component />
}

function LazyView({ name, load }: { name: string; load: () => Promise<ComponentType> }) {
  const { value, problem, retry } = useLoad(name, async () => ({ Component: await load() }))
  if (problem) return <Failure problem={problem} onRetry={retry} />
  return value ? <value.Component /> : <Loading what={name} />
}

function NoView({ isReader }: { isReader: boolean }) {
  if (!isReader) {
    return (
      <>
        <h1 class="unseen">Not for reading</h1>
        <Empty title="This key only sends events">
          <p>Log out, and in again with a key of role read or admin, to see what is here.</p>
        </Empty>
      </>
    )
  }
  return (
    <>
      <h1 class="unseen">Not found</h1>
      <Empty title="There is nothing at this address" steps={<a href="/">To the newest events</a>}>
        <p>The link may be old, or it leads to something that your key does not allow.</p>
      </Empty>
    </>
  )
}
