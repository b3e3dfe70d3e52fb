/// The job file: TOML, every key known, every error with line and column.
#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>

#include "job_section.hpp"
#include "orbitmill/app/job.hpp"

namespace orbitmill {
namespace {

/// A job file is a page of text; anything larger is another kind of file.
constexpr std::uintmax_t max_job_bytes = 1 << 20;

}  // namespace

toml::table parse_job_text(const std::string& text, const std::string& name) {
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    throw JobError(fmt::format("{}:{}:{}: not valid TOML: {}", name, error.source().begin.line,
                               error.source().begin.column, error.description()));
  }
}

JobOptions parse_job(const std::string& text, const std::string& name) {
  const toml::table root = parse_job_text(text, name);
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
    section.read("table", options.run.table);
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

std::string read_job_text(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw JobError(fmt::format("cannot read the job file \"{}\": it is a folder", path.string()));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw JobError(fmt::format("cannot read the job file \"{}\": {}", path.string(),
                               std::generic_category().message(errno)));
  }
  std::string text(max_job_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > max_job_bytes) {
    throw JobError(fmt::format("\"{}\" is no job file: it is larger than {} bytes", path.string(),
                               max_job_bytes));
  }
  return text;
}

JobOptions read_job_file(const std::filesystem::path& path, std::string& text) {
  text = read_job_text(path);
  return parse_job(text, path.string());
}

}  // namespace orbitmill
