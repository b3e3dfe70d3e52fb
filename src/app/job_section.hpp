/// One table of a job file: its keys read, and those that nobody asked for refused.
#pragma once

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orbitmill/error.hpp"

namespace orbitmill {

/// Throws JobError: unreadable, a folder, or too large for a job file.
std::string read_job_text(const std::filesystem::path& path);

/// Throws JobError with line and column; `name` stands in messages.
toml::table parse_job_text(const std::string& text, const std::string& name);

/// Reads the keys of one table and remembers which ones it knows.
class Section {
 public:
  Section(const toml::table& table, std::string section, std::string file)
      : table_(table), section_(std::move(section)), file_(std::move(file)) {}

  void read(std::string_view key, std::optional<std::string>& value) {
    if (const toml::node* node = find(key)) value = get<std::string>(key, *node, "a string");
  }
  void read(std::string_view key, std::optional<std::int64_t>& value) {
    if (const toml::node* node = find(key)) value = get<std::int64_t>(key, *node, "an integer");
  }
  void read(std::string_view key, std::optional<bool>& value) {
    if (const toml::node* node = find(key)) value = get<bool>(key, *node, "true or false");
  }
  /// A string, or an integer taken as its text ("cycles = 1000").
  void read_string_or_integer(std::string_view key, std::optional<std::string>& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    value = node->is_integer() ? std::to_string(**node->as_integer())
                               : get<std::string>(key, *node, "a string or an integer");
  }
  /// A string, or a number taken as its text ("checkpoint_every = 90").
  void read_string_or_number(std::string_view key, std::optional<std::string>& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    value = node->is_integer()          ? std::to_string(**node->as_integer())
            : node->is_floating_point() ? fmt::format("{}", **node->as_floating_point())
                                        : get<std::string>(key, *node, "a string or a number");
  }
  /// A string, or an array of integers taken as "a,b,c".
  void read_string_or_list(std::string_view key, std::optional<std::string>& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr) {
      value = get<std::string>(key, *node, "a string or a list of integers");
      return;
    }
    std::string text;
    for (const toml::node& entry : *list) {
      if (!text.empty()) text += ',';
      text += std::to_string(get<std::int64_t>(key, entry, "a list of integers"));
    }
    value = text;
  }
  /// A list of strings.
  void read_strings(std::string_view key, std::vector<std::string>& values) {
    const toml::array* list = read_array(key, "a list of strings");
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      values.push_back(get<std::string>(key, *list->get(i), "a list of strings"));
    }
  }
  /// Two integers, first and last, or one that is both.
  void read_range(std::string_view key,
                  std::optional<std::pair<std::int64_t, std::int64_t>>& value) {
    constexpr std::string_view expected = "an integer, or a list [first, last]";
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr) {
      const auto both = get<std::int64_t>(key, *node, expected);
      value = {both, both};
      return;
    }
    if (list->size() != 2) {
      throw JobError(fmt::format("{}: \"{}\" must be {}, and has {} values", place(node->source()),
                                 key, expected, list->size()));
    }
    value = {get<std::int64_t>(key, *list->get(0), expected),
             get<std::int64_t>(key, *list->get(1), expected)};
    if (value->first > value->second) {
      throw JobError(
          fmt::format("{}: \"{}\" = [{}, {}] holds nothing; expected [first, last] with "
                      "first <= last",
                      place(node->source()), key, value->first, value->second));
    }
  }
  const toml::array* read_array(std::string_view key, std::string_view expected) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_array()) fail_type(key, *node, expected);
    return node->as_array();
  }
  /// A table of ranges by key, read_range() for each.
  std::vector<std::string> keys() const {
    std::vector<std::string> names;
    for (const auto& [key, node] : table_) names.emplace_back(key.str());
    return names;
  }
  /// "job.toml:3:1", of a key or of the table itself.
  std::string place_of(std::string_view key) const {
    const toml::node* node = table_.get(key);
    return place(node == nullptr ? table_.source() : node->source());
  }
  const toml::table* read_table(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) fail_type(key, *node, fmt::format("a table, written [{}]", key));
    return node->as_table();
  }

  /// Call last: throws for the first key that no read_ call asked for.
  void refuse_unknown_keys() const {
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(known_, key.str()) != known_.end()) continue;
      throw JobError(fmt::format(
          "{}: unknown key \"{}\"{}; known here: {}", place(key.source()), key.str(),
          section_.empty() ? "" : fmt::format(" in [{}]", section_), fmt::join(known_, ", ")));
    }
  }

 private:
  const toml::node* find(std::string_view key) {
    known_.emplace_back(key);
    return table_.get(key);
  }

  template <class T>
  T get(std::string_view key, const toml::node& node, std::string_view expected) const {
    if (const auto value = node.value_exact<T>()) return *value;
    fail_type(key, node, expected);
  }

  [[noreturn]] void fail_type(std::string_view key, const toml::node& node,
                              std::string_view expected) const {
    std::ostringstream type;
    type << node.type();
    throw JobError(fmt::format("{}: \"{}\" must be {}, not a value of type {}",
                               place(node.source()), key, expected, type.str()));
  }

  std::string place(const toml::source_region& region) const {
    return fmt::format("{}:{}:{}", file_, region.begin.line, region.begin.column);
  }

  const toml::table& table_;
  std::string section_;
  std::string file_;
  std::vector<std::string> known_;
};

}  // namespace orbitmill
