// Names of common emoji. Others are shown by their name.

const NAMES = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", eyes: "👀", tada: "🎉", heart: "❤️", wave: "👋", smile: "😄",
  smiley: "😃", grinning: "😀", joy: "😂", wink: "😉", thinking_face: "🤔", white_check_mark: "✅", heavy_check_mark: "✔️",
  x: "❌", warning: "⚠️", rocket: "🚀", fire: "🔥", clap: "👏", pray: "🙏", raised_hands: "🙌", ok_hand: "👌", muscle: "💪",
  bug: "🐛", robot_face: "🤖", sparkles: "✨", star: "⭐", zap: "⚡", bulb: "💡", memo: "📝", calendar: "📅", clock1: "🕐",
  hourglass_flowing_sand: "⏳", mag: "🔍", lock: "🔒", unlock: "🔓", key: "🔑", bell: "🔔", link: "🔗", gear: "⚙️", wrench: "🔧",
  hammer: "🔨", package: "📦", chart_with_upwards_trend: "📈", bar_chart: "📊", speech_balloon: "💬", email: "📧", phone: "☎️",
  house: "🏠", coffee: "☕", pizza: "🍕", cake: "🍰", gift: "🎁", trophy: "🏆", red_circle: "🔴", large_green_circle: "🟢",
  large_yellow_circle: "🟡", large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", question: "❓", exclamation: "❗",
  information_source: "ℹ️", arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️", repeat: "🔁",
  point_right: "👉", point_left: "👈", point_up: "☝️", point_down: "👇", sunny: "☀️", umbrella: "☔", snowflake: "❄️",
  earth_americas: "🌎", sob: "😭", cry: "😢", disappointed: "😞", sweat_smile: "😅", upside_down_face: "🙃", shrug: "🤷",
  partying_face: "🥳", sunglasses: "😎", hugging_face: "🤗", octagonal_sign: "🛑", no_entry: "⛔", construction: "🚧",
  ballot_box_with_check: "☑️", page_facing_up: "📄", file_folder: "📁", pushpin: "📌", paperclip: "📎", books: "📚",
};

export const QUICK = ["+1", "eyes", "tada", "heart", "white_check_mark"];

export const emoji = (name) => NAMES[name.replace(/::skin-tone-\d$/, "")] ?? `:${name}:`;
