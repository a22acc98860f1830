// Bluesky's own servers on loopback, for the tests:
//   node start.mjs FOLDER pds        PLC directory and PDS
//   node start.mjs FOLDER network    these and the AppView (needs DB_POSTGRES_URL)
// FOLDER is where the packages are installed. Prints {"pds": ..., "plc": ..., "appview": ...} when
// ready; ends, and removes what it wrote, on SIGTERM or when stdin is closed.

import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const [folder, kind] = process.argv.slice(2)

// Before the servers' code is loaded: they take their settings from the environment, and listen on
// every interface unless told otherwise, which they can't be.
process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'socialdesk-bluesky-'))
process.env.LOG_ENABLED = 'false'
process.env.REDIS_HOST = '127.0.0.1:1' // has to be set, is not used
console.log = console.info = console.error // stdout says one thing only

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  if (typeof args[0] === 'object' && args[0] !== null) {
    if (args[0].path === undefined) args[0] = { ...args[0], host: '127.0.0.1' }
  } else if (typeof args[0] === 'number' || /^\d+$/.test(args[0] ?? '')) {
    if (typeof args[1] === 'string') args[1] = '127.0.0.1'
    else args.splice(1, 0, '127.0.0.1')
  } else {
    args.unshift(0, '127.0.0.1')
  }
  return listen.apply(this, args)
}

const { TestNetwork, TestPds, TestPlc } = createRequire(join(folder, 'package.json'))(
  '@atproto/dev-env',
)

const starts = {
  async pds() {
    const plc = await TestPlc.create({})
    const pds = await TestPds.create({ didPlcUrl: plc.url })
    return {
      addresses: { plc: plc.url, pds: pds.url },
      close: () => Promise.all([pds.close(), plc.close()]),
    }
  },
  async network() {
    const network = await TestNetwork.create({ dbPostgresSchema: 'socialdesk' })
    const { plc, pds, bsky } = network
    return {
      addresses: { plc: plc.url, pds: pds.url, appview: bsky.url },
      close: () => network.close(),
    }
  },
}

let running
let ending = false

async function end() {
  if (ending) return
  ending = true
  setTimeout(leave, 8000).unref() // what will not close in time is ended with the process
  try {
    await running?.close()
  } catch (error) {
    console.error(error)
  }
  leave()
}

function leave() {
  rmSync(process.env.TMPDIR, { recursive: true, force: true })
  process.exit(0)
}

process.on('SIGTERM', end)
process.stdin.on('end', end).on('close', end).resume()

try {
  running = await starts[kind]()
} catch (error) {
  console.error(error)
  rmSync(process.env.TMPDIR, { recursive: true, force: true })
  process.exit(1)
}
process.stdout.write(`${JSON.stringify(running.addresses)}\n`)
