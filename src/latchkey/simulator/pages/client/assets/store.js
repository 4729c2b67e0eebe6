// The state that the server sends, kept up to date by its changes.

export const state = {
  team: "", user: "", channel: "C0GENERAL", tab: "messages", thread: "",
  app: {}, workspaces: [], people: [], channels: [], views: [], home: null, agents: new Map(), exchanges: [], faults: {}, log: [], notice: {},
  unread: new Map(), connected: true,
};

const MAX_EXCHANGES = 500;
const MAX_LOG_LINES = 1000;
const listeners = new Map();
let source = null;

// Calls `listener` with the document of each change of this kind.
export function on(kind, listener) {
  if (!listeners.has(kind)) listeners.set(kind, []);
  listeners.get(kind).push(listener);
}

export function emit(kind, document) {
  for (const listener of listeners.get(kind) ?? []) listener(document);
}

export function agentKey(channel, thread) {
  return `${channel} ${thread}`;
}

export const agent = (channel, thread) => state.agents.get(agentKey(channel, thread)) ?? {};
export const workspace = () => state.workspaces.find((each) => each.id === state.team) ?? {};
export const person = (id) => state.people.find((each) => each.user_id === id);
export const channel = (id = state.channel) => state.channels.find((each) => each.channel_id === id) ?? { channel_id: id, name: id, kind: "channel" };
export const directChannel = () => `D${state.user.slice(1)}`;

export function nameOf(id) {
  if (id === workspace().bot || id?.startsWith("UBOT")) return state.app.name;
  return person(id)?.real_name ?? id;
}

async function getJson(path, query) {
  const response = await fetch(`${path}?${new URLSearchParams(query)}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

// Reads the whole state for the workspace and the person, and says so to the page.
export async function load() {
  const found = await getJson("/page/state", { team: state.team, user: state.user });
  Object.assign(state, found);
  state.agents = new Map(found.agents.map((each) => [agentKey(each.channel, each.thread_ts), each]));
  if (!state.channels.some((each) => each.channel_id === state.channel)) state.channel = "C0GENERAL";
  remember();
  emit("loaded", state);
}

export function messages(options) {
  return getJson("/page/messages", { team: state.team, user: state.user, channel: state.channel, ...options });
}

export function exchange(number) {
  return getJson(`/page/exchanges/${number}`, {});
}

// Does something as this person; returns the server's answer. Failures become a notice.
export async function act(name, fields) {
  const body = { do: name, team: state.team, user: state.user, channel: state.channel, ...fields };
  try {
    const response = await fetch("/page/act", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const answer = await response.json();
    if (!answer.ok) emit("notice", { level: "error", text: `Not done: ${answer.error}.` });
    return answer;
  } catch (error) {
    emit("notice", { level: "error", text: "The simulator does not answer. Is it still running?" });
    return { ok: false };
  }
}

// Shows another workspace, person, conversation or tab.
export async function go(changes) {
  const reload = (changes.team ?? state.team) !== state.team || (changes.user ?? state.user) !== state.user;
  if (changes.user && state.channel.startsWith("D")) changes.channel = `D${changes.user.slice(1)}`;
  Object.assign(state, { thread: "", tab: "messages" }, changes);
  state.unread.delete(state.channel);
  if (reload) { state.unread.clear(); await load(); } else { remember(); emit("moved", state); }
}

function remember() {
  const { team, user, channel, tab } = state;
  history.replaceState(null, "", `#${new URLSearchParams({ team, user, channel, tab })}`);
}

export function recall() {
  const query = new URLSearchParams(location.hash.slice(1));
  const given = new URLSearchParams(location.search);
  for (const name of ["team", "user", "channel", "tab"]) state[name] = given.get(name) || query.get(name) || state[name];
}

const updates = {
  message(message) {
    if (message.team !== state.team || (message.only_for && message.only_for !== state.user)) return false;
    if (!state.channels.some((each) => each.channel_id === message.channel)) load();
    if (message.channel !== state.channel && message.user !== state.user && !seen(message)) {
      state.unread.set(message.channel, (state.unread.get(message.channel) ?? 0) + 1);
    }
    return true;
  },
  deleted: (each) => each.team === state.team,
  views(each) {
    if (each.team !== state.team || each.user !== state.user) return false;
    state.views = each.views;
    return true;
  },
  home(each) {
    if (each.team !== state.team || each.user !== state.user) return false;
    state.home = each.view;
    return true;
  },
  agent(each) {
    if (each.team === state.team) state.agents.set(agentKey(each.channel, each.thread_ts), each);
    return each.team === state.team;
  },
  exchange(each) {
    const at = state.exchanges.findLastIndex(({ number }) => number === each.number);
    if (at >= 0) state.exchanges[at] = each;
    else state.exchanges.push(each);
    if (state.exchanges.length > MAX_EXCHANGES) state.exchanges.shift();
    return true;
  },
  faults(each) { state.faults = each; return true; },
  state() { load(); return false; },
  reset() { load(); return false; },
  notice: () => true,
  log({ line }) {
    state.log.push(line);
    if (state.log.length > MAX_LOG_LINES) state.log.shift();
    return true;
  },
};

const counted = new Set();

// Returns whether this message was counted before; a stream sends it many times.
function seen(message) {
  const key = `${message.channel} ${message.ts}`;
  if (counted.has(key)) return true;
  counted.add(key);
  if (counted.size > 5000) counted.delete(counted.values().next().value);
  return false;
}

// Listens to the server; after a break the browser reconnects, and the server sends what was missed.
export function connect() {
  source?.close();
  source = new EventSource(`/page/changes?after=${state.after}`);
  for (const [kind, update] of Object.entries(updates)) {
    source.addEventListener(kind, (event) => {
      const document = JSON.parse(event.data);
      if (update(document)) emit(kind, document);
    });
  }
  source.onopen = () => { state.connected = true; emit("connection", state); };
  source.onerror = () => { state.connected = false; emit("connection", state); };
}
