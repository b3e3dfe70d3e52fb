/// The job file: TOML, every key known, every error with line and column.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string_view>
#include <vector>

#include "orbitmill/app/job.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// A job file is a page of text; anything larger is another kind of file.
constexpr std::uintmax_t max_job_bytes = 1 << 20;

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
    known_.push_back(key);
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
  std::vector<std::string_view> known_;
};

}  // namespace

JobOptions parse_job(const std::string& text, const std::string& name) {
  toml::table root;
  try {
    root = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    throw JobError(fmt::format("{}:{}:{}: not valid TOML: {}", name, error.source().begin.line,
                               error.source().begin.column, error.description()));
  }
  JobOptions options;
  Section top(root, "", name);
  top.read("title", options.run.title);
  if (const toml::table* table = top.read_table("register")) {
    Section section(*table, "register", name);
    section.read("field", options.reg.field);
    section.read("modulus", options.reg.modulus);
    section.read("length", options.reg.length);
    section.read("feedback", options.reg.feedback);
    section.read_string_or_list("coefficients", options.reg.coefficients);
    section.read("polynomial", options.reg.polynomial);
    section.refuse_unknown_keys();
  }
  if (const toml::table* table = top.read_table("run")) {
    Section section(*table, "run", name);
    section.read("engine", options.run.engine);
    section.read("milestone_zeros", options.run.milestone_zeros);
    section.read("schedule", options.run.schedule);
    section.read("steal_transport", options.run.steal_transport);
    section.read("threads", options.run.threads);
    section.read("batch_size", options.run.batch_size);
    section.read("oversubscribe", options.run.oversubscribe);
    section.read_string_or_number("checkpoint_every", options.run.checkpoint_every);
    section.read_string_or_number("max_minutes", options.run.max_minutes);
    section.read("quiet", options.run.quiet);
    section.read("verbose", options.run.verbose);
    section.refuse_unknown_keys();
  }
  if (const toml::table* table = top.read_table("output")) {
    Section section(*table, "output", name);
    section.read_string_or_integer("cycles", options.run.cycles);
    section.read("sequences", options.run.sequences);
    section.read("index", options.run.index);
    section.read("overwrite", options.run.overwrite);
    section.refuse_unknown_keys();
  }
  top.refuse_unknown_keys();
  return options;
}

JobOptions read_job_file(const std::filesystem::path& path, std::string& text) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw JobError(fmt::format("cannot read the job file \"{}\": it is a folder", path.string()));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw JobError(fmt::format("cannot read the job file \"{}\": {}", path.string(),
                               std::generic_category().message(errno)));
  }
  text.assign(max_job_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > max_job_bytes) {
    throw JobError(fmt::format("\"{}\" is no job file: it is larger than {} bytes", path.string(),
                               max_job_bytes));
  }
  return parse_job(text, path.string());
}

}  // namespace orbitmill
