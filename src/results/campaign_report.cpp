/// What `orbitmill show` prints of a campaign file.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>

#include "json_number.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/register/symmetry.hpp"
#include "orbitmill/results/campaign_file.hpp"

namespace orbitmill {
namespace {

using Json = nlohmann::ordered_json;

/// Rows in one read: a million rows must not be held at once to print them.
constexpr std::uint64_t block_rows = 65536;

void for_each_row(const CampaignReader& reader,
                  const std::function<void(std::uint64_t, const CampaignRow&)>& action) {
  for (std::uint64_t first = 0; first < reader.record().rows; first += block_rows) {
    const CampaignRows rows = reader.rows(first, block_rows);
    for (std::size_t i = 0; i < rows.size(); ++i) action(first + i, rows[i]);
  }
}

/// "1:1,4095:1", lengths with their counts as lfsr-seq has them.
std::string periods_of(const CampaignRow& row) {
  std::string text;
  for (const HistogramEntry& entry : row.histogram) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}:{}", entry.length, entry.count);
  }
  return text;
}

/// The order of the characteristic polynomial of a linear register is its longest cycle: the
/// sequence of the state (0, ..., 0, 1) has it as its minimal polynomial. (Lidl and Niederreiter,
/// Introduction to Finite Fields, theorem 8.28.)
std::uint64_t order_of(const CampaignRow& row) {
  const Feedback feedback = register_of_key(row.canonical).feedback;
  return feedback.is_linear() && row.certified ? row.longest_cycle : 0;
}

std::string line_of(std::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

std::string cut(std::string text, std::size_t width) {
  if (text.size() <= width) return text;
  text.resize(width - 3);
  return text + "...";
}

/// One field of a CSV line.
std::string csv_field(std::string_view text) {
  std::string field = line_of(text);
  if (field.find_first_of(",\"") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

/// Of a singular register.
Integer states_on_no_cycle(const KeyedRegister& reg, const CampaignRow& row) {
  Integer states = power(to_integer(reg.field_order), reg.length);
  for (const HistogramEntry& entry : row.histogram) {
    states -= to_integer(entry.length) * to_integer(entry.count);
  }
  return states;
}

Json row_json(std::uint64_t index, const CampaignRow& row) {
  const KeyedRegister asked = register_of_key(row.asked);
  Json json;
  json["row"] = index;
  json["field_order"] = asked.field_order;
  json["length"] = asked.length;
  json["feedback"] = print_anf(asked.feedback);
  json["canonical"] = print_anf(register_of_key(row.canonical).feedback);
  json["verdict"] = std::string(name_of(row.verdict));
  if (row.verdict == Verdict::failed) {
    json["reason"] = std::string(row.reason);
    return json;
  }
  json["certified"] = row.certified;
  if (!row.certified) return json;
  json["longest_cycle"] = json_number(row.longest_cycle);
  json["cycles"] = json_number(row.cycles);
  json["checksum"] = fmt::format("{:016x}", row.checksum);
  if (row.verdict == Verdict::singular) {
    json["transient_states"] = json_number(states_on_no_cycle(asked, row));
  }
  if (const std::uint64_t order = order_of(row)) json["order"] = json_number(order);
  if (!row.histogram.empty()) {
    json["histogram"] = Json::array();
    for (const HistogramEntry& entry : row.histogram) {
      json["histogram"].push_back(
          {{"length", json_number(entry.length)}, {"count", json_number(entry.count)}});
    }
  }
  return json;
}

std::string dumped(const Json& json) {
  // Reasons and titles may hold any bytes; the output must be UTF-8 or it is no JSON.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const char* outcome_name(ListOutcome outcome) {
  switch (outcome) {
    case ListOutcome::row:
      return "row";
    case ListOutcome::rejected:
      return "rejected";
    case ListOutcome::filtered:
      return "filtered";
    case ListOutcome::unreadable:
      return "unreadable";
    case ListOutcome::open:
      break;
  }
  return "open";
}

}  // namespace

void print_campaign_text(std::ostream& out, const CampaignReader& reader, std::uint64_t max_rows) {
  const CampaignRecord& record = reader.record();
  constexpr std::size_t width = 69;
  const auto field = [&](const char* label, const std::string& value) {
    out << fmt::format("{:<11}{}\n", label, cut(line_of(value), width));
  };
  if (!record.title.empty()) field("title", record.title);
  field("task", std::string(name_of(record.task)) +
                    (record.filter.empty() ? "" : "; only " + record.filter));
  field("registers", fmt::format("{}: {} of maximum period, {} de Bruijn, {} failed", record.rows,
                                 record.maximum, record.de_bruijn, record.failed));
  field("run", fmt::format("{} rank{}, {} thread{} in all; {}", record.run.ranks,
                           record.run.ranks == 1 ? "" : "s", record.run.threads,
                           record.run.threads == 1 ? "" : "s", record.run.start_utc));
  field("elapsed", fmt::format("{:.3f} s", record.run.elapsed_s));
  if (!record.families.empty()) {
    out << fmt::format("\n{:<32}{:>4}{:>14}{:>12}{:>9}\n", "form", "n", "combinations", "registers",
                       "kept");
    for (const FamilyRecord& family : record.families) {
      out << fmt::format("{:<32}{:>4}{:>14}{:>12}{:>9}\n", cut(line_of(family.form), 31),
                         family.length, family.count.combinations, family.count.registers,
                         family.count.kept);
    }
  }
  if (record.rows > 0) out << "\n  n  verdict    feedback: periods\n";
  const std::uint64_t shown = std::min(record.rows, max_rows);
  const CampaignRows rows = reader.rows(0, shown);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const CampaignRow row = rows[i];
    const KeyedRegister asked = register_of_key(row.asked);
    std::string text = print_anf(asked.feedback);
    if (asked.field_order != 2) text += fmt::format(" over GF({})", asked.field_order);
    if (row.verdict == Verdict::failed) {
      text += ": " + line_of(row.reason);
    } else if (!row.histogram.empty()) {
      text += ": " + periods_of(row);
      if (const std::uint64_t order = order_of(row)) text += fmt::format("; order {}", order);
      if (row.verdict == Verdict::singular) {
        text += fmt::format("; {} on no cycle", states_on_no_cycle(asked, row).get_str());
      }
    } else if (row.certified) {
      text += fmt::format(": {}", row.longest_cycle);
    }
    out << fmt::format("{:>3}  {:<9}  {}\n", asked.length, name_of(row.verdict), cut(text, 64));
  }
  if (shown < record.rows) {
    out << fmt::format("({} registers not shown; --rows N shows more, --format csv all)\n",
                       record.rows - shown);
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(record.unreadable.size(), max_rows); ++i) {
    const UnreadableEntry& entry = record.unreadable[i];
    out << fmt::format("unreadable {}\n",
                       cut(fmt::format("entry {} of [[registers]] {}: {}", entry.line, entry.source,
                                       line_of(entry.reason)),
                           width));
  }
}

void print_campaign_csv(std::ostream& out, const CampaignReader& reader) {
  out << "row,field,length,feedback,canonical,verdict,longest_cycle,cycles,order,periods,reason\n";
  for_each_row(reader, [&](std::uint64_t index, const CampaignRow& row) {
    const KeyedRegister asked = register_of_key(row.asked);
    const auto number = [&](std::uint64_t value) {
      return value == 0 ? std::string() : fmt::to_string(value);
    };
    out << fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", index, asked.field_order, asked.length,
                       csv_field(print_anf(asked.feedback)),
                       csv_field(print_anf(register_of_key(row.canonical).feedback)),
                       name_of(row.verdict), number(row.longest_cycle), number(row.cycles),
                       number(order_of(row)), csv_field(periods_of(row)), csv_field(row.reason));
  });
}

void print_campaign_json(std::ostream& out, const CampaignReader& reader) {
  const CampaignRecord& record = reader.record();
  Json head;
  head["title"] = record.title;
  head["task"] = std::string(name_of(record.task));
  head["filter"] = record.filter;
  head["failed"] = record.failed;
  head["maximum_period"] = record.maximum;
  head["de_bruijn"] = record.de_bruijn;
  head["forms"] = Json::array();
  for (const FamilyRecord& family : record.families) {
    head["forms"].push_back({{"form", family.form},
                             {"length", family.length},
                             {"ranges", family.ranges},
                             {"combinations", json_number(family.count.combinations)},
                             {"registers", json_number(family.count.registers)},
                             {"filtered", json_number(family.count.filtered)},
                             {"kept", json_number(family.count.kept)}});
  }
  head["filters"] = Json::array();
  for (const FilterCount& filter : record.filters) {
    head["filters"].push_back({{"name", filter.name},
                               {"entered", filter.entered},
                               {"settled", filter.settled},
                               {"seconds", filter.seconds}});
  }
  head["run"] = {{"version", record.run.version},     {"ranks", record.run.ranks},
                 {"threads", record.run.threads},     {"start_utc", record.run.start_utc},
                 {"elapsed_s", record.run.elapsed_s}, {"unit_decision", record.decisions}};
  head["unreadable"] = Json::array();
  for (const UnreadableEntry& entry : record.unreadable) {
    head["unreadable"].push_back({{"source", entry.source},
                                  {"line", entry.line},
                                  {"text", entry.text},
                                  {"reason", entry.reason}});
  }
  // The two long lists row by row: a tree of a million rows would take gigabytes.
  std::string text = dumped(head);
  text.pop_back();
  out << text << ",\n\"registers\": [";
  for_each_row(reader, [&](std::uint64_t index, const CampaignRow& row) {
    out << (index == 0 ? "\n" : ",\n") << dumped(row_json(index, row));
  });
  out << "],\n\"list\": [";
  const char* separator = "\n";
  for (std::uint64_t first = 0; first < reader.list_size(); first += block_rows) {
    for (const CampaignReader::ListRow& entry : reader.list(first, block_rows)) {
      Json json = {
          {"source", entry.source}, {"line", entry.line}, {"outcome", outcome_name(entry.outcome)}};
      if (entry.outcome == ListOutcome::row) json["row"] = entry.row;
      out << separator << dumped(json);
      separator = ",\n";
    }
  }
  out << "]}\n";
}

}  // namespace orbitmill
