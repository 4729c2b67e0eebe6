// The state of the elements of a message, a form or an App Home, as Slack sends it: by block id and action id.

export class Values {
  #readers = new Map();
  #kept = {};

  // `read` returns the element's value, such as {type: "static_select", selected_option}.
  add(block, element, read) {
    this.#readers.set(`${block.block_id}\n${element.action_id}`, { block: block.block_id, action: element.action_id, read });
  }

  all() {
    const found = {};
    for (const { block, action, read } of this.#readers.values()) (found[block] ??= {})[action] = read();
    return found;
  }

  // Returns the value that an element had before its form was replaced: Slack keeps it if the ids are the same.
  kept(block, element) {
    const value = this.#kept[block.block_id]?.[element.action_id];
    return value?.type === element.type ? value : null;
  }

  restart() {
    this.#kept = this.all();
    this.#readers.clear();
  }
}
