#include "orbitmill/app/campaign_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "job_section.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

/// Exhaustive engines go up to here; a family beyond would be a list of failures.
constexpr std::int64_t max_family_length = 62;

void read_filter_range(Section& section, std::string_view key, std::uint32_t& least,
                       std::uint32_t& most) {
  std::optional<std::pair<std::int64_t, std::int64_t>> range;
  section.read_range(key, range);
  if (!range) return;
  if (range->first < 0 || range->second > max_register_length) {
    throw JobError(fmt::format("{}: \"{}\" = [{}, {}]: expected 0 to {}", section.place_of(key),
                               key, range->first, range->second, max_register_length));
  }
  least = static_cast<std::uint32_t>(range->first);
  most = static_cast<std::uint32_t>(range->second);
}

SourceOptions read_source(const toml::table& table, const std::string& file) {
  SourceOptions source;
  Section section(table, "registers", file);
  source.place = section.place_of("") + ": ";
  section.read("field", source.field);
  section.read("modulus", source.modulus);
  section.read_range("length", source.lengths);
  if (table.contains("lengths") && source.lengths) {
    throw JobError(fmt::format("{}: \"length\" and \"lengths\" are the same; write one of them",
                               section.place_of("lengths")));
  }
  std::optional<std::pair<std::int64_t, std::int64_t>> lengths;
  section.read_range("lengths", lengths);
  if (lengths) source.lengths = lengths;
  section.read("form", source.form);
  section.read("rows", source.rows);
  source.has_list = table.contains("list");
  section.read_strings("list", source.list);
  if (const toml::table* ranges = section.read_table("ranges")) {
    Section range_section(*ranges, "registers.ranges", file);
    for (const std::string& letter : range_section.keys()) {
      std::optional<std::pair<std::int64_t, std::int64_t>> range;
      range_section.read_range(letter, range);
      if (letter.size() != 1 || letter[0] < 'a' || letter[0] > 'z') {
        throw JobError(fmt::format("{}: range of \"{}\": expected a letter a to z of the form",
                                   range_section.place_of(letter), letter));
      }
      if (range->first < 1 || range->second > max_register_length) {
        throw JobError(fmt::format("{}: range of \"{}\" is [{}, {}]; free stages are 1 to n - 1",
                                   range_section.place_of(letter), letter, range->first,
                                   range->second));
      }
      source.ranges.push_back({letter[0], static_cast<std::uint32_t>(range->first),
                               static_cast<std::uint32_t>(range->second)});
    }
  }
  section.refuse_unknown_keys();
  return source;
}

CampaignTask task_named(const std::string& name) {
  for (const CampaignTask task :
       {CampaignTask::decompose, CampaignTask::period, CampaignTask::search}) {
    if (name_of(task) == name) return task;
  }
  throw JobError(fmt::format("task \"{}\": expected decompose, period or search", name));
}

/// The field of a source. One modulus an order: rows of the table name their field by its order.
Field field_of(const SourceOptions& source, CampaignJob& job) {
  const std::int64_t order = source.field.value_or(2);
  if (order < 2) {
    throw JobError(fmt::format("{}field order {}: expected a prime power q, 2 to {}", source.place,
                               order, Field::max_order));
  }
  const Field field(static_cast<std::uint64_t>(order), source.modulus.value_or(""));
  const auto known = std::ranges::find(job.fields, field.order(), &FieldRecord::order);
  if (known == job.fields.end()) {
    job.fields.push_back({field.order(), field.modulus()});
  } else if (known->modulus != field.modulus()) {
    throw JobError(fmt::format(
        "{}GF({}) modulo \"{}\" and modulo \"{}\" in one campaign; make two campaigns of it",
        source.place, field.order(), known->modulus, field.modulus()));
  }
  return field;
}

/// Families that the job has already: what makes two of them the same question.
using KnownFamilies = std::set<std::tuple<std::string, std::uint32_t, std::string>>;

void add_families(const SourceOptions& source, CampaignJob& job, KnownFamilies& known) {
  if (source.field.value_or(2) != 2 || source.modulus) {
    throw JobError(
        fmt::format("{}a form is over GF(2); leave out field and modulus", source.place));
  }
  if (!source.lengths) {
    throw JobError(fmt::format("{}form \"{}\": which length? add length = 16, or lengths = [4, 16]",
                               source.place, *source.form));
  }
  const auto [first, last] = *source.lengths;
  if (first < 1 || last > max_family_length) {
    throw JobError(
        fmt::format("{}lengths {} to {}: every state of a register over GF(2) can be "
                    "walked for lengths 1 to {}",
                    source.place, first, last, max_family_length));
  }
  std::vector<StageRange> ranges = source.ranges;
  std::ranges::sort(ranges, {}, &StageRange::letter);
  FamilyJob family;
  for (const StageRange& range : ranges) {
    family.ranges.insert(family.ranges.end(),
                         {static_cast<std::uint32_t>(range.letter), range.first, range.last});
    family.ranges_text += fmt::format("{}{} = [{}, {}]", family.ranges_text.empty() ? "" : ", ",
                                      range.letter, range.first, range.last);
  }
  try {
    const Form form(*source.form);
    family.form = form.text();
    for (std::int64_t length = first; length <= last; ++length) {
      family.length = static_cast<std::uint32_t>(length);
      const FormFamily checked(form, family.length, ranges);
      if (checked.combinations() > std::uint64_t{1} << 62) {
        throw JobError(fmt::format(
            "form \"{}\", n = {}: more than 2^62 combinations; no machine gets through them, so "
            "fix some letters or give them ranges",
            form.text(), length));
      }
      if (known.emplace(family.form, family.length, family.ranges_text).second) {
        job.families.push_back(family);
      }
    }
  } catch (const JobError& error) {
    throw JobError(source.place + error.what());
  }
  field_of(source, job);
}

void add_list(const SourceOptions& source, std::uint64_t number,
              const std::filesystem::path& folder, CampaignJob& job) {
  if (!source.ranges.empty()) {
    throw JobError(fmt::format("{}ranges belong to a form", source.place));
  }
  if (source.lengths && source.lengths->first != source.lengths->second) {
    throw JobError(
        fmt::format("{}a list has one length; give each its own [[registers]]", source.place));
  }
  if (source.lengths &&
      (source.lengths->first < 1 || source.lengths->first > max_register_length)) {
    throw JobError(fmt::format("{}length {}: a register has 1 to {} stages", source.place,
                               source.lengths->first, max_register_length));
  }
  job.has_list = true;
  read_list_source(source, number, field_of(source, job), folder, job);
}

template <class Number>
void take_positive(const std::optional<std::int64_t>& given, const char* option, std::int64_t most,
                   Number& value) {
  if (!given) return;
  if (*given < 1 || *given > most) {
    throw UsageError(fmt::format("{} {}: expected 1 {}", option, *given,
                                 most < 1'000'000 ? fmt::format("to {}", most) : "or more"));
  }
  value = static_cast<Number>(*given);
}

void take_run_options(const RunOptions& run, CampaignJob& job) {
  job.schedule = run.schedule.value_or("auto");
  if (!mode_named(job.schedule)) {
    throw UsageError(fmt::format(
        "--schedule \"{}\": expected auto, sequential, static, shared, stealing, hybrid",
        job.schedule));
  }
  job.steal_transport = run.steal_transport.value_or("auto");
  if (!transport_named(job.steal_transport)) {
    throw UsageError(fmt::format("--steal-transport \"{}\": expected auto, windows, messages",
                                 job.steal_transport));
  }
  take_positive(run.threads, "--threads", 4096, job.threads);
  take_positive(run.batch_size, "--batch-size", Phase::max_indices, job.batch_size);
  job.checkpoints = resolve_checkpoints(run);
  job.oversubscribe = run.oversubscribe.value_or(false);
  job.overwrite = run.overwrite.value_or(false);
  job.quiet = run.quiet.value_or(false);
  job.verbose = run.verbose.value_or(false);
  if (job.quiet && job.verbose) throw UsageError("--quiet and --verbose contradict each other");
}

}  // namespace

std::vector<StageRange> FamilyJob::stage_ranges() const {
  std::vector<StageRange> result;
  for (std::size_t i = 0; i + 2 < ranges.size(); i += 3) {
    result.push_back({static_cast<char>(ranges[i]), ranges[i + 1], ranges[i + 2]});
  }
  return result;
}

CampaignOptionsAsWritten parse_campaign(const std::string& text, const std::string& name) {
  const toml::table root = parse_job_text(text, name);
  CampaignOptionsAsWritten options;
  Section top(root, "", name);
  top.read("title", options.run.title);
  if (const toml::table* table = top.read_table("campaign")) {
    Section section(*table, "campaign", name);
    section.read("task", options.task);
    section.refuse_unknown_keys();
  }
  if (const toml::array* sources = top.read_array("registers", "tables, written [[registers]]")) {
    for (const toml::node& node : *sources) {
      if (!node.is_table()) {
        throw JobError(fmt::format("{}: \"registers\" must be tables, written [[registers]]",
                                   top.place_of("registers")));
      }
      options.sources.push_back(read_source(*node.as_table(), name));
    }
  }
  if (const toml::table* table = top.read_table("filters")) {
    Section section(*table, "filters", name);
    read_filter_range(section, "terms", options.filter.min_terms, options.filter.max_terms);
    read_filter_range(section, "degree", options.filter.min_degree, options.filter.max_degree);
    section.refuse_unknown_keys();
  }
  if (const toml::table* table = top.read_table("run")) {
    Section section(*table, "run", name);
    section.read("schedule", options.run.schedule);
    section.read("steal_transport", options.run.steal_transport);
    section.read("threads", options.run.threads);
    section.read("batch_size", options.run.batch_size);
    section.read_string_or_number("checkpoint_every", options.run.checkpoint_every);
    section.read_string_or_number("max_minutes", options.run.max_minutes);
    section.read("oversubscribe", options.run.oversubscribe);
    section.read("quiet", options.run.quiet);
    section.read("verbose", options.run.verbose);
    section.refuse_unknown_keys();
  }
  if (const toml::table* table = top.read_table("output")) {
    Section section(*table, "output", name);
    section.read("overwrite", options.run.overwrite);
    section.refuse_unknown_keys();
  }
  top.refuse_unknown_keys();
  return options;
}

CampaignOptionsAsWritten read_campaign_file(const std::filesystem::path& path, std::string& text) {
  text = read_job_text(path);
  return parse_campaign(text, path.string());
}

CampaignJob resolve_campaign(const CampaignOptionsAsWritten& options,
                             const std::filesystem::path& folder) {
  CampaignJob job;
  job.task = task_named(options.task.value_or("decompose"));
  job.filter = options.filter;
  take_run_options(options.run, job);
  if (options.sources.empty()) {
    throw UsageError(
        "no registers given; name a job file with [[registers]] sections, or --rows FILE.csv");
  }
  KnownFamilies known;
  std::uint64_t number = 0;
  for (const SourceOptions& source : options.sources) {
    ++number;
    const int kinds = (source.form ? 1 : 0) + (source.rows ? 1 : 0) + (source.has_list ? 1 : 0);
    if (kinds != 1) {
      throw JobError(
          fmt::format("{}expected one of form, rows and list in each [[registers]]", source.place));
    }
    source.form ? add_families(source, job, known) : add_list(source, number, folder, job);
  }
  const std::vector<std::uint64_t> places = job.list.finish(job.filter);
  for (ListEntry& entry : job.entries) {
    if (entry.entry != RegisterList::none) entry.entry = places[entry.entry];
  }
  std::ranges::sort(job.fields, {}, &FieldRecord::order);
  if (job.entries.empty() && job.families.empty()) {
    throw JobError("the campaign has no registers: its lists are empty");
  }
  const auto is_empty = [](const FamilyJob& family) {
    return FormFamily(Form(family.form), family.length, family.stage_ranges()).combinations() == 0;
  };
  if (job.entries.empty() && std::ranges::all_of(job.families, is_empty)) {
    throw JobError(
        fmt::format("the campaign has no registers: the ranges of \"{}\" hold nothing at {}",
                    job.families.front().form,
                    job.families.size() == 1 ? fmt::format("n = {}", job.families.front().length)
                                             : "any of its lengths"));
  }
  job.title = options.run.title.value_or(fmt::format("campaign: {}", name_of(job.task)));
  return job;
}

}  // namespace orbitmill
